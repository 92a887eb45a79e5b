// What a component that has gone leaves behind in the maps that stay: nothing, however many come and go.
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it } from 'vitest'
import { computed, effect, effectScope, h, nextTick, shallowReactive, shallowRef, stop } from 'vue'
import { useEntry } from '@/entry'
import type { JobView } from '@/generated/api'
import FileRow from '@/pages/files/FileRow.vue'
import { toRow, type Row } from '@/pages/files/list'
import { useJobs } from '@/stores/jobs'
import { job } from './fake'

/** The keys of the map that Vue keeps a note of, found by way of a note of our own. */
function notes(map: ReadonlyMap<string, unknown>): string[] {
  const own = effect(() => map.get('our own'))
  const { deps } = own.effect as unknown as { deps: { dep: { map: Map<string, unknown> } } }
  const keys = [...deps.dep.map.keys()].filter((key) => key !== 'our own')
  stop(own)
  return keys
}

beforeEach(() => setActivePinia(createPinia()))

it('follows an entry that changes, goes, comes, and gets another key', () => {
  const map = shallowReactive(new Map([['a', 1]]))
  const key = shallowRef<string | undefined>('a')
  const scope = effectScope()
  const entry = scope.run(() => useEntry(map, () => key.value))!
  const seen = [entry.value]
  const then = (change: () => void): void => {
    change()
    seen.push(entry.value)
  }
  then(() => map.set('a', 2))
  then(() => map.delete('a'))
  then(() => map.set('a', 3))
  then(() => map.clear())
  then(() => map.set('b', 4))
  then(() => (key.value = 'b'))
  expect(notes(map)).toEqual(['b'])
  then(() => (key.value = undefined))
  expect(seen).toEqual([1, 2, undefined, 3, undefined, undefined, 4, undefined])
  scope.stop()
  expect(notes(map)).toEqual([])
})

it('leaves no note of a row that has gone', async () => {
  const { progress } = useJobs()
  const rows = shallowReactive(new Map<string, Row>())
  const put = (id: string, state: string): void => void rows.set(id, toRow(job(id, { state, name: `${id}.pdf` }) as unknown as JobView))
  for (const id of ['A', 'B']) {
    put(id, 'running')
    const row = mount(FileRow, { props: { id, rows } })
    expect(row.text()).toContain(`${id}.pdf`)
    expect([notes(rows), notes(progress)]).toEqual([[id], [id]])
    put(id, 'succeeded')
    await nextTick()
    expect(row.text()).toContain('Succeeded')
    row.unmount()
    expect([notes(rows), notes(progress)]).toEqual([[], []])
  }
})

it('is needed as long as a computed leaves a note behind', () => {
  const map = shallowReactive(new Map([['a', 1]]))
  const Reader = { setup: () => ({ entry: computed(() => map.get('a')) }), render: ({ entry }: { entry: number }) => h('p', entry) }
  mount(Reader).unmount()
  expect(notes(map)).toEqual(['a'])
})
