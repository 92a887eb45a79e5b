// Files of a pipeline that is gone: how many there are, and that it is the one which is chosen.
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, RouterView } from 'vue-router'
import { emptyPatch } from '@/feed/types'
import type { StatsView } from '@/generated/api'
import FilesPage from '@/pages/files/FilesPage.vue'
import { useJobs } from '@/stores/jobs'
import { useOverview } from '@/stores/overview'
import { job, snapshot } from './fake'

let shown: VueWrapper | undefined
beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => {} }))
  vi.stubGlobal('fetch', async (address: string) => Response.json(address.includes('/jobs') ? { jobs: [job('A', { pipeline: 'q5', state: 'failed' })], next: null, total: 1, cursor: 'ab-1' } : { pipelines: [] }))
})
afterEach(() => {
  shown?.unmount()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

async function open(pipelines: object[]): Promise<VueWrapper> {
  const router = createRouter({ history: createMemoryHistory(), routes: ['files', 'drop', 'waiting'].map((name) => ({ path: `/${name}`, name, component: FilesPage, meta: { title: name } })) })
  await router.push('/files?pipeline=q5')
  const patch = { ...emptyPatch(), whole: true, pipelines: (snapshot() as { pipelines: [] }).pipelines, stats: { counters: {}, running: [], pipelines } as unknown as StatsView }
  useOverview().apply(patch)
  useJobs().apply(patch)
  shown = mount(RouterView, { global: { plugins: [router] } })
  await flushPromises()
  return shown
}
const tabs = (page: VueWrapper): string[] => page.findAll('.tabs button').map((tab) => tab.text().replace(/\s+/g, ' '))

it('counts them as the figures do, and names it as one that is gone', async () => {
  const page = await open([{ pipeline: 'q5', jobs: { failed: 2, succeeded: 40 } }])
  expect(tabs(page)).toEqual(expect.arrayContaining(['All 42', 'Failed 2', 'Succeeded 40', 'Running 0']))
  const select = page.get('select')
  expect(select.findAll('option').map((option) => option.text())).toEqual(['All pipelines', 'receive', 'q5 (no longer there)'])
  expect(select.element.value).toBe('q5')
})
it('counts nothing where nobody knows', async () => {
  const page = await open([])
  expect(tabs(page)).toEqual(expect.arrayContaining(['All', 'Failed', 'Succeeded']))
})
