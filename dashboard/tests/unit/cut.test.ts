// Lists that the daemon tells in part: what is missing is asked for, or it is said that something is missing.
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { emptyPatch } from '@/feed/types'
import type { JobView } from '@/generated/api'
import JobLog from '@/pages/job/JobLog.vue'
import JobTimeline from '@/pages/job/JobTimeline.vue'
import WaitingPage from '@/pages/waiting/WaitingPage.vue'
import { useJobs } from '@/stores/jobs'
import { text } from '@/text'
import { job } from './fake'

let answers: (url: URL) => unknown
let asked: string[]
let shown: VueWrapper | undefined
beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  asked = []
  vi.stubGlobal('fetch', async (address: string) => {
    const url = new URL(address, 'http://daemon')
    asked.push(url.pathname + url.search)
    return Response.json(await answers(url))
  })
})
afterEach(() => {
  shown?.unmount()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})
const rest = async (ms = 0): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms)
  await flushPromises()
}

describe('a timeline', () => {
  const timeline = async (more: object): Promise<string> => {
    answers = () => ({ job: 'A', rev: 1, phases: [], attempts: [], ...more })
    shown = mount(JobTimeline, { props: { job: job('A') as unknown as JobView } })
    await rest()
    return shown.html()
  }
  it('that breaks off says so, and where the rest is', async () => {
    const html = await timeline({ truncated: true })
    expect(html).toContain(text.job.timeline.truncated)
    expect(html).toContain('href="/api/v1/events/history?job=A"')
  })
  it('that is whole says nothing of it', async () => {
    expect(await timeline({})).not.toContain(text.job.timeline.truncated)
  })
})

describe('a log', () => {
  const line = (number: number, level: string): object => ({ number, at: '2026-01-01T00:00:00.000Z', level, message: `line ${number}` })
  const lines = (): string[] => shown?.findAll('.log-line span').map((one) => one.text()) ?? []

  it('is read to its end, however few lines of a page are of the level', async () => {
    answers = ({ searchParams }) => (searchParams.get('after') === '0' ? { lines: [line(7, 'error')], next: 1_000 } : { lines: [line(1_500, 'error')], next: 1_500 })
    shown = mount(JobLog, { props: { job: 'A', running: false, rev: 1 } })
    await rest()
    expect(lines()).toEqual(['line 7', 'line 1500'])
    expect(asked).toHaveLength(2)
  })
  it('shows no line twice where two readings overlap', async () => {
    const open: (() => void)[] = []
    answers = () => new Promise((done) => open.push(() => done({ lines: [line(1, 'info'), line(2, 'info')], next: 2 })))
    shown = mount(JobLog, { props: { job: 'A', running: true, rev: 1 } })
    useJobs().apply({ ...emptyPatch(), logs: [{ job: 'A', lines: [] }] })
    await rest(400)
    expect(open).toHaveLength(2)
    for (const answer of open) answer()
    await rest()
    expect(lines()).toEqual(['line 1', 'line 2'])
  })
})

describe('what is not taken yet', () => {
  const words = text.waiting
  const file = (pipeline: string, n: number): object => ({ pipeline, path: `/in/${pipeline}/${n}`, name: `${pipeline} ${n}.txt`, state: 'ignored', reason: 'no pattern' })
  const many = Array.from({ length: 1_000 }, (_, n) => file('a', n))
  let router: Router
  async function open(path: string): Promise<void> {
    const component = { template: '' }
    router = createRouter({ history: createMemoryHistory(), routes: ['waiting', 'explain', 'drop'].map((name) => ({ path: `/${name}`, name, component })) })
    await router.push(path)
    shown = mount(WaitingPage, { global: { plugins: [router] } })
    await rest()
  }
  const names = (): string[] => shown?.findAll('.name').map((one) => one.text()) ?? []
  const toldOfFiles = (): void => useJobs().apply({ ...emptyPatch(), facts: ['file.settling'] })

  beforeEach(() => {
    answers = ({ pathname, searchParams }) => {
      if (pathname !== '/api/v1/files') return { pipelines: [] }
      return { files: { a: many, b: [file('b', 1)], empty: [] }[searchParams.get('pipeline') ?? 'a'] }
    }
  })
  it('says where there may be more than is listed', async () => {
    await open('/waiting')
    expect(names()).toHaveLength(1_000)
    expect(shown?.text()).toContain(words.cut(1_000))
  })
  it('is asked for by pipeline, so that no other fills the list', async () => {
    await open('/waiting?pipeline=b')
    expect(names()).toEqual(['b 1.txt'])
    expect(shown?.text()).not.toContain(words.cut(1_000))
    await router.push('/waiting?pipeline=empty')
    await rest()
    expect(shown?.text()).toContain(words.nothing.title)
    expect(shown?.find('select').exists()).toBe(true)
    await router.push('/waiting')
    await rest()
    expect(names()).toHaveLength(1_000)
  })
  it('arrives though the feed tells of files faster than it is answered', async () => {
    const slow = answers
    answers = async (url) => {
      await new Promise((done) => setTimeout(done, 1_000))
      return slow(url)
    }
    await open('/waiting?pipeline=b')
    for (let turn = 0; turn < 12; turn += 1) {
      toldOfFiles()
      await rest(100)
    }
    expect(names()).toEqual(['b 1.txt'])
    // What was told of meanwhile is asked for as well, once.
    await rest(300)
    expect(asked.filter((path) => path.startsWith('/api/v1/files'))).toHaveLength(2)
  })
})
