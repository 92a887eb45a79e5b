// A file's results: how many are listed, which have small pictures, and what stands in their place.
import { mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import type { HealthView, JobView } from '@/generated/api'
import JobResults from '@/pages/job/JobResults.vue'
import { originalOf } from '@/pages/job/original'
import { useOverview } from '@/stores/overview'
import { job } from './fake'

const artifact = (name: string, kind: string, mime: string) => ({ name, kind, path: `/out/${name}`, size: 9, blake3: 'cafe00112233445566', mime, href: `/api/v1/jobs/A/artifacts/${name}` })
const original = { ...artifact('a.pdf', 'original', 'application/pdf'), path: '/archive/a.pdf' }
const done = job('A', {
  state: 'succeeded', name: 'a.pdf', problem: undefined, pagesIn: 2,
  input: { size: 9, blake3: 'beef', href: '/api/v1/jobs/A/input' },
  artifacts: [artifact('b.pdf', 'document', 'application/pdf'), artifact('b.txt', 'artifact', 'text/plain'), original],
}) as unknown as JobView

let shown: VueWrapper | undefined
async function show(view: JobView, thumbnails: boolean | undefined): Promise<VueWrapper> {
  const overview = useOverview()
  overview.health = thumbnails === undefined ? undefined : ({ status: 'ok', version: '0', details: { thumbnails } } as unknown as HealthView)
  shown = mount(JobResults, { props: { job: view } })
  await nextTick()
  return shown
}
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => shown?.unmount())
const sources = (results: VueWrapper): (string | undefined)[] => results.findAll('img').map((image) => image.attributes('src'))

it('lists the first of very many results, the original in any case, and more when asked', async () => {
  const artifacts = [...Array.from({ length: 500 }, (_, page) => artifact(`page-${page}.png`, 'artifact', 'image/png')), original]
  const results = await show({ ...done, artifacts } as unknown as JobView, false)
  const names = (): string[] => results.findAll('.name').map((name) => name.text())
  expect(names()).toHaveLength(30)
  expect(names().at(-1)).toBe('a.pdf')
  const more = () => results.findAll('button').find((button) => button.text().startsWith('Show '))
  expect(more()?.text()).toBe('Show 200 more')
  await more()?.trigger('click')
  await more()?.trigger('click')
  expect(more()?.text()).toBe('Show 71 more')
  await more()?.trigger('click')
  expect([names().length, more()]).toEqual([501, undefined])
})

describe('the original', () => {
  const view = (state: string, artifacts: object[]): JobView => ({ ...done, path: '/in/a.pdf', state, artifacts }) as unknown as JobView
  it('can be done again and restored where it lies, by the state of the job', () => {
    expect(originalOf(view('failed', [original]))).toEqual({ there: true, retry: true, restore: true, neverTaken: false })
    expect(originalOf(view('succeeded', [original]))).toMatchObject({ there: true, retry: false, restore: true })
    expect(originalOf(view('running', []))).toEqual({ there: true, retry: false, restore: false, neverTaken: false })
  })
  it('is not put where it lies already, and nothing is done with one that was deleted', () => {
    expect(originalOf(view('succeeded', [{ ...original, path: '/in/a.pdf' }]))).toMatchObject({ there: true, restore: false })
    expect(originalOf(view('succeeded', [{ ...original, path: undefined }]))).toMatchObject({ there: false, retry: false, restore: false, neverTaken: false })
  })
  it('of a file that was never taken is nowhere', async () => {
    const given = view('cancelled', [])
    expect(originalOf(given)).toEqual({ there: false, retry: false, restore: false, neverTaken: true })
    const results = await show(given, true)
    expect([results.findAll('.line button, .line a').length, sources(results)]).toEqual([0, []])
    expect(results.text()).toContain('It was never taken')
  })
})

describe('thumbnails', () => {
  it('are there for each PDF and the original, and large before and after', async () => {
    const results = await show(done, true)
    const before = '/api/v1/jobs/A/input/thumbnail?width=320#beef'
    const after = '/api/v1/jobs/A/artifacts/b.pdf/thumbnail?width=320#cafe00112233'
    expect(sources(results)).toEqual([before, after, after, before])
    expect(results.findAll('figcaption').map((one) => one.text())).toEqual(['Before a.pdf', 'After b.pdf'])
    for (const image of results.findAll('img')) {
      expect(image.attributes('loading')).toBe('lazy')
      expect(Number(image.attributes('width'))).toBeGreaterThan(0)
      expect(Number(image.attributes('height'))).toBeGreaterThan(0)
      expect(image.attributes('alt')).toMatch(/^First page of [ab]\.pdf$/)
    }
  })
  it('are not asked for where nothing draws, or before that is known', async () => {
    expect(sources(await show(done, false))).toEqual([])
    shown?.unmount()
    expect(sources(await show(done, undefined))).toEqual([])
  })
  it('leave a calm place where one cannot be had, until the file is another', async () => {
    const results = await show(done, true)
    await results.findAll('img')[1]?.trigger('error')
    expect(sources(results)).toHaveLength(3)
    expect(results.find('figure:last-child [role=img]').attributes('aria-label')).toBe('There is no picture of the first page of b.pdf')
    const [document, ...others] = done.artifacts
    await results.setProps({ job: { ...done, artifacts: [{ ...document, blake3: 'feed' }, ...others] } as JobView })
    expect(sources(results)[1]).toBe('/api/v1/jobs/A/artifacts/b.pdf/thumbnail?width=320#feed')
  })
  it('are not asked for of an original that could not be opened', async () => {
    const problem = { type: '/problems/pdf-encrypted', title: '', detail: '' }
    const results = await show({ ...done, state: 'failed', artifacts: [original], problem } as unknown as JobView, true)
    expect(sources(results)).toEqual([])
    expect(results.find('[role=img]').exists()).toBe(true)
  })
})
