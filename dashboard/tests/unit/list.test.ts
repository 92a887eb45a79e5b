// The list of files against an API that answers page by page.
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, shallowRef, type EffectScope } from 'vue'
import { emptyPatch } from '@/feed/types'
import type { JobView } from '@/generated/api'
import { MANY_PENDING, useJobList, type Filter } from '@/pages/files/list'
import { useJobs } from '@/stores/jobs'
import { job } from './fake'

/** All jobs of the daemon, newest change first. */
let there: JobView[]
let asked: string[]
let scope: EffectScope
let list: ReturnType<typeof useJobList>
/** Answers that are held back: made when they were asked for, given when the test says. */
let held: (() => void)[] | undefined
const away = ref(false)
const filter = shallowRef<Filter>({ state: '', pipeline: '', q: '' })
const make = (n: number, more: object = {}): JobView => job(`J${n}`, { state: 'succeeded', updatedAt: new Date(Date.parse('2026-01-01') + n).toISOString(), ...more }) as unknown as JobView
const rest = async (ms = 0): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms))
/** Jobs that have just ended, told by the feed as well. */
async function end(from: number, to: number): Promise<void> {
  const ended = Array.from({ length: to - from }, (_, index) => make(from + index))
  there.unshift(...[...ended].reverse())
  useJobs().apply({ ...emptyPatch(), jobs: ended })
  await rest(1_100)
}

beforeEach(async () => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  there = Array.from({ length: 3_000 }, (_, index) => make(2_999 - index))
  asked = []
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    const query = new URL(url, 'http://daemon').searchParams
    const before = query.get('before')
    const start = before === null ? 0 : there.findIndex(({ id }) => id === before) + 1
    const wanted = ({ state }: JobView): boolean => (query.get('state') ?? state) === state
    const jobs = there.slice(start, start + Number(query.get('limit'))).filter(wanted)
    const answer = Response.json({ jobs, next: start + jobs.length < there.length ? (jobs.at(-1)?.id ?? null) : null, total: there.length, cursor: 'ab-1' })
    if (held) await new Promise<void>((give) => held?.push(give))
    return answer
  })
  away.value = false
  held = undefined
  filter.value = { state: '', pipeline: '', q: '' }
  scope = effectScope()
  scope.run(() => (list = useJobList(filter, away)))
  await rest()
})
afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const inOrder = (): string[] => there.map(({ id }) => id)

describe('the list of files', () => {
  it('lets go of its end when it grows long, and finds it again without gap or double', async () => {
    for (let turn = 0; turn < 5; turn += 1) await end(3_000 + turn * 500, 3_500 + turn * 500)
    expect(list.ids.value.length).toBeLessThanOrEqual(2_000)
    expect(list.rows.size).toBe(list.ids.value.length)
    expect(list.complete.value).toBe(false)
    away.value = true
    await nextTick()
    for (let turn = 0; turn < 40 && !list.complete.value; turn += 1) {
      list.more()
      await rest()
    }
    expect(list.complete.value).toBe(true)
    expect(list.ids.value).toEqual(inOrder())
  })
  it('puts a file that it learns of late where its change belongs, and leaves out what lies further down than it reaches', async () => {
    const found = there.filter(({ id }) => id !== 'J2990')
    const late = there.find(({ id }) => id === 'J2990')!
    there = found
    void list.reload()
    await rest()
    expect(list.ids.value.length).toBeLessThan(there.length)
    there = [...found.slice(0, 9), late, ...found.slice(9)]
    useJobs().apply({ ...emptyPatch(), jobs: [late, make(5)] })
    await rest(1_100)
    expect(list.ids.value).toEqual(inOrder().slice(0, list.ids.value.length))
    expect(list.ids.value).not.toContain('J5')
  })
  it('counts a listed file that waits to go to the top once', async () => {
    away.value = true
    await nextTick()
    const length = list.ids.value.length
    const again = make(2_950, { state: 'failed', updatedAt: new Date(Date.parse('2026-01-01') + 3_500).toISOString(), rev: 99 })
    useJobs().apply({ ...emptyPatch(), jobs: [again, make(3_400)] })
    await rest(1_100)
    expect(list.pending.value.size).toBe(2)
    expect(list.unlisted.value).toBe(1)
    expect(list.ids.value).toHaveLength(length)
  })
  it('takes no page for the next one that was on its way while the end was let go', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      list.more()
      await rest()
    }
    expect(list.ids.value).toHaveLength(2_100)
    away.value = true
    await nextTick()
    await end(3_000, 3_001)
    list.more()
    away.value = false
    list.showPending()
    await rest()
    expect(list.complete.value).toBe(false)
    expect(list.ids.value).toEqual(inOrder().slice(0, 1_000))
  })
  it('keeps what is new from a reader who has scrolled down, however much it is', async () => {
    away.value = true
    await nextTick()
    await end(3_000, 3_000 + MANY_PENDING)
    const before = list.ids.value
    await end(4_000, 6_000)
    expect(list.ids.value).toBe(before)
    expect(list.pending.value.size).toBe(MANY_PENDING)
    expect(list.rows.size).toBe(before.length + MANY_PENDING)
    list.showPending()
    await rest()
    expect(list.ids.value).toEqual(inOrder().slice(0, 100))
    expect(list.pending.value.size).toBe(0)
  })
  it('says how many there are in all', () => {
    expect([list.total.value, list.ids.value.length]).toEqual([3_000, 100])
    expect(asked).toHaveLength(1)
  })
  it('does not fall back behind what the feed told while the answer was on its way', async () => {
    held = []
    void list.reload()
    await rest()
    const failed = make(2_999, { rev: 9, state: 'failed' })
    useJobs().apply({ ...emptyPatch(), jobs: [failed] })
    const fresh = make(3_000, { rev: 2 })
    useJobs().apply({ ...emptyPatch(), jobs: [fresh] })
    await rest(1_100)
    held.forEach((give) => give())
    await rest(1_100)
    expect(list.rows.get('J2999')?.state).toBe('failed')
    expect(list.ids.value.slice(0, 2)).toEqual(['J3000', 'J2999'])
  })
  it('hears of changes before its first answer has come', async () => {
    held = []
    filter.value = { state: 'succeeded', pipeline: '', q: '' }
    await rest()
    useJobs().apply({ ...emptyPatch(), jobs: [make(2_999, { rev: 9, state: 'failed' })] })
    await rest()
    held.forEach((give) => give())
    await rest(1_100)
    expect(list.rows.has('J2999')).toBe(false)
    expect(list.ids.value[0]).toBe('J2998')
  })
  it('takes nothing from a page that has changed on its way and is not wanted any more', async () => {
    filter.value = { state: 'succeeded', pipeline: '', q: '' }
    await rest()
    held = []
    list.more()
    await rest()
    // It lies in the page that is under way, and is another one by now.
    useJobs().apply({ ...emptyPatch(), jobs: [make(2_800, { rev: 9, state: 'failed' })] })
    await rest()
    held.forEach((give) => give())
    await rest(1_100)
    expect(list.ids.value.length).toBeGreaterThan(400)
    expect(list.rows.has('J2800')).toBe(false)
    expect(list.ids.value).not.toContain('J2800')
  })
  it('takes no page of another filter', async () => {
    held = []
    list.more()
    await rest()
    filter.value = { state: 'failed', pipeline: '', q: '' }
    // In the moment before the new filter is asked for, the old page comes.
    held.splice(0).forEach((give) => give())
    await rest()
    expect(list.ids.value).toHaveLength(100)
    expect(list.fresh.value).toBe(true)
    held.splice(0).forEach((give) => give())
    await rest()
    expect(list.ids.value).toEqual([])
    expect(asked.at(-1)).toContain('state=failed')
  })
  it('goes on from the right place where the way back to its end broke off', async () => {
    for (let turn = 0; turn < 5; turn += 1) await end(3_000 + turn * 500, 3_500 + turn * 500)
    away.value = true
    await nextTick()
    const answers = globalThis.fetch
    let count = 0
    vi.stubGlobal('fetch', async (url: string) => {
      count += 1
      if (count === 2) throw new TypeError('cut')
      return answers(url)
    })
    list.more()
    await rest()
    expect(list.error.value).toBeDefined()
    await list.reload()
    for (let turn = 0; turn < 40 && !list.complete.value; turn += 1) {
      list.more()
      await rest()
    }
    expect(list.ids.value).toEqual(inOrder())
  })
  it('puts none of the newest at its end on the way back', async () => {
    for (let turn = 0; turn < 5; turn += 1) await end(3_000 + turn * 500, 3_500 + turn * 500)
    away.value = true
    await nextTick()
    await end(5_500, 5_500 + MANY_PENDING)
    await end(6_500, 6_600)
    const reader = inOrder().slice(MANY_PENDING + 100)
    for (let turn = 0; turn < 40 && !list.complete.value; turn += 1) {
      list.more()
      await rest()
    }
    expect(list.ids.value).toEqual(reader)
  })
})
