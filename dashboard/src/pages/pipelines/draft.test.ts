import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { useDraft, type Draft } from './draft'

/** A daemon that has one file. */
class Daemon {
  yaml: string | undefined = 'a: 1'
  version = 1
  checks: string[] = []
  refuse = false
  /** Of the file's bytes; the text that is served may be without them. */
  faults: object[] = []
  get tag(): string {
    return `t${this.version}`
  }
  write(yaml: string | undefined): void {
    this.yaml = yaml
    this.version += 1
  }
  answer = async (path: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    const url = String(path)
    const headers = new Headers(init.headers)
    if (url.includes('/check')) {
      this.checks.push(String(init.body))
      const valid = !String(init.body).includes('bad')
      return json(200, { valid, faults: valid ? [] : [{ file: 'p.yaml', line: 1, column: 1, pointer: '', message: 'bad' }] })
    }
    if (init.method === 'PUT') {
      const match = headers.get('if-match')
      const clash = match === null ? this.yaml !== undefined : match !== `"${this.tag}"`
      if (clash) return json(412, { title: 'changed', status: 412, detail: '' })
      if (this.refuse) return json(422, { title: 'faults', status: 422, detail: '', errors: [{ line: 2, column: 1, message: 'no' }] })
      this.write(String(init.body))
      return json(200, { id: 'p', created: false, revision: 'r', tag: this.tag })
    }
    return this.yaml === undefined ? json(404, { title: 'not there', status: 404, detail: '' }) : json(200, { id: 'p', yaml: this.yaml, tag: this.tag, steps: [], faults: this.faults })
  }
}

let daemon: Daemon
let scope: EffectScope
let draft: Draft
beforeEach(() => {
  vi.useFakeTimers()
  daemon = new Daemon()
  vi.stubGlobal('fetch', daemon.answer)
  scope = effectScope()
  draft = scope.run(() => useDraft(ref('p'))) as Draft
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a draft', () => {
  it('is checked a moment after the last key, once', async () => {
    await draft.load()
    for (const text of ['b', 'ba', 'bad']) {
      draft.text.value = text
      await nextTick()
      await vi.advanceTimersByTimeAsync(100)
    }
    await vi.advanceTimersByTimeAsync(300)
    expect(daemon.checks).toEqual(['bad'])
    expect(draft.faults.value.map(({ message }) => message)).toEqual(['bad'])
  })
  it('follows the file while nothing is edited, and keeps an edit when the file changes', async () => {
    await draft.load()
    daemon.write('a: 2')
    await draft.load()
    expect([draft.text.value, draft.dirty.value]).toEqual(['a: 2', false])
    draft.text.value = 'a: mine'
    daemon.write('a: 3')
    await draft.load()
    expect([draft.text.value, draft.changed.value]).toEqual(['a: mine', 'changed'])
  })
  it('never overwrites what somebody else wrote, unless told after seeing it', async () => {
    await draft.load()
    draft.text.value = 'a: mine'
    daemon.write('a: theirs')
    expect(await draft.save()).toBeUndefined()
    expect(daemon.yaml).toBe('a: theirs')
    expect(draft.conflict.value).toEqual({ theirs: 'a: theirs', tag: daemon.tag, mine: 'a: mine' })
    daemon.write('a: theirs again')
    expect(await draft.keepMine('a: both')).toBeUndefined()
    expect(draft.conflict.value?.theirs).toBe('a: theirs again')
    expect(await draft.keepMine('a: both')).toBeDefined()
    expect([daemon.yaml, draft.dirty.value, draft.conflict.value]).toEqual(['a: both', false, undefined])
  })
  it('takes the text of the file when told so', async () => {
    await draft.load()
    draft.text.value = 'a: mine'
    daemon.write('a: theirs')
    await draft.save()
    draft.takeTheirs()
    expect([draft.text.value, draft.dirty.value]).toEqual(['a: theirs', false])
    draft.text.value = 'a: after'
    expect(await draft.save()).toBeDefined()
  })
  it('writes a deleted file again only by a second save', async () => {
    await draft.load()
    draft.text.value = 'a: mine'
    daemon.write(undefined)
    expect(await draft.save()).toBeUndefined()
    expect([draft.changed.value, daemon.yaml]).toEqual(['gone', undefined])
    expect(await draft.save()).toBeDefined()
    expect(daemon.yaml).toBe('a: mine')
  })
  it('writes a file again by one save where it was said that it is deleted', async () => {
    await draft.load()
    draft.text.value = 'a: mine'
    daemon.write(undefined)
    await draft.load()
    expect([draft.changed.value, draft.missing.value, draft.text.value]).toEqual(['gone', false, 'a: mine'])
    expect(await draft.save()).toBeDefined()
    expect([daemon.yaml, draft.changed.value, draft.dirty.value]).toEqual(['a: mine', 'no', false])
  })
  it('overwrites nothing where a deleted file has come back', async () => {
    await draft.load()
    draft.text.value = 'a: mine'
    daemon.write(undefined)
    await draft.load()
    daemon.write('a: theirs')
    await draft.load()
    expect(draft.changed.value).toBe('changed')
    expect(await draft.save()).toBeUndefined()
    expect([daemon.yaml, draft.conflict.value?.theirs]).toEqual(['a: theirs', 'a: theirs'])
    daemon.write('a: mine')
    await draft.load()
    expect([draft.changed.value, draft.dirty.value]).toEqual(['no', false])
  })
  it('shows the faults of a refused save and stays as it is', async () => {
    await draft.load()
    draft.text.value = 'a: refused'
    daemon.refuse = true
    expect(await draft.save()).toBeUndefined()
    expect([draft.faults.value.length, draft.dirty.value, daemon.yaml]).toEqual([1, true, 'a: 1'])
  })
  it('shows the faults of the file while its text is unchanged, whatever the checker says of that', async () => {
    daemon.faults = [{ line: 1, column: 4, message: 'not UTF-8' }]
    await draft.load()
    await vi.advanceTimersByTimeAsync(300)
    const told = (): string[] => draft.faults.value.map(({ message }) => message)
    expect([daemon.checks, told()]).toEqual([['a: 1'], ['not UTF-8']])
    draft.text.value = 'a: mine'
    await nextTick()
    expect(told()).toEqual([])
    draft.revert()
    expect(told()).toEqual(['not UTF-8'])
    draft.text.value = 'a: mine'
    daemon.faults = []
    await draft.save()
    expect(told()).toEqual([])
  })
  it('creates only where nothing is', async () => {
    draft.create('a: new')
    await draft.save()
    expect([draft.conflict.value?.theirs, daemon.yaml]).toEqual(['a: 1', 'a: 1'])
  })
})
