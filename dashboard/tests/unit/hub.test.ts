import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FeedHub, type Tab } from '@/feed/hub'
import type { FeedMessage, FeedStatus, Patch } from '@/feed/types'
import { FakeDaemon, hello, job, settled, snapshot } from './fake'

class FakeTab implements Tab {
  readonly patches: Patch[] = []
  status: FeedStatus | undefined
  post(message: FeedMessage): void {
    if (message.kind === 'status') this.status = message.status
    else this.patches.push(message.patch)
  }
  get last(): Patch {
    const patch = this.patches.at(-1)
    if (!patch) throw new Error('no patch came')
    return patch
  }
}

let daemon: FakeDaemon
let hub: FeedHub
let tab: FakeTab

beforeEach(async () => {
  vi.useFakeTimers()
  daemon = new FakeDaemon()
  hub = new FeedHub(daemon.world)
  tab = new FakeTab()
  hub.take(tab, { kind: 'join' })
  await settled()
  await daemon.last.event('hello', hello())
})
afterEach(() => {
  hub.close()
  vi.useRealTimers()
})

const flush = (): Promise<unknown> => vi.advanceTimersByTimeAsync(110)
const at = '2026-01-01T00:00:01.000Z'
const file = { pipeline: 'receive', path: '/in/a.pdf', name: 'a.pdf' }
const place = { ...file, step: 'stamp', index: 0, part: 1, parts: 1 }
const started = (id: string, rev: number): object => ({ seq: rev, at, job: id, rev, ...file, state: 'running', attempt: 1, revision: 'r1', worker: 1, sandbox: 'full', plugins: [], steps: [{ id: 'stamp', uses: 'stamp/stamp-text' }] })
const progress = (id: string, rev: number, done: number): object => ({ job: id, rev, ...place, steps: 1, done, total: 100 })

describe('the hub', () => {
  it('gives a snapshot as one whole patch', async () => {
    await daemon.last.event('snapshot', snapshot([job('A'), job('B', { state: 'succeeded' })]), 'ab-1')
    await flush()
    expect(tab.patches).toHaveLength(1)
    expect(tab.last.whole).toBe(true)
    expect(tab.last.jobs.map(({ id }) => id)).toEqual(['A', 'B'])
    expect(tab.last.counters).toEqual({ queued: 1, succeeded: 1 })
  })

  it('carries a job through its life, with counts that follow', async () => {
    await daemon.last.event('snapshot', snapshot([job('A')]), 'ab-1')
    await daemon.last.event('job.started', started('A', 2), 'ab-2')
    await daemon.last.event('step.started', { seq: 3, at, job: 'A', rev: 3, state: 'running', ...place }, 'ab-3')
    await daemon.last.event('step.finished', { seq: 4, at, job: 'A', rev: 4, state: 'running', ...place, ms: 84, documents: 1, results: { stamped: 12 } }, 'ab-4')
    await flush()
    const running = tab.last.jobs[0]
    expect(running).toMatchObject({ state: 'running', rev: 4, queuedMs: 1000, steps: [{ id: 'stamp', status: 'finished', ms: 84, results: { stamped: 12 } }] })
    expect(tab.last.counters).toEqual({ queued: 0, running: 1 })
    expect(tab.last.pipelines[0]?.jobs).toEqual({ queued: 0, running: 1 })
    await daemon.last.event('job.succeeded', { seq: 5, at, job: 'A', rev: 5, ...file, state: 'succeeded', artifacts: [] }, 'ab-5')
    await flush()
    expect(tab.last.jobs[0]).toMatchObject({ state: 'succeeded', rev: 5 })
    expect(tab.last.counters).toEqual({ queued: 0, running: 0, succeeded: 1 })
  })

  it('conflates: many values between two patches are one', async () => {
    await daemon.last.event('snapshot', snapshot([job('A', { state: 'running', rev: 3 })]), 'ab-1')
    hub.take(tab, { kind: 'watch', jobs: ['A'] })
    await flush()
    const before = tab.patches.length
    for (let done = 1; done <= 500; done += 1) await daemon.last.event('step.progress', progress('A', 3, done / 5))
    await flush()
    expect(tab.patches).toHaveLength(before + 1)
    expect(tab.last.progress).toEqual([expect.objectContaining({ done: 100 })])
  })

  it('tells each tab how far those jobs are that it shows, and no others', async () => {
    const other = new FakeTab()
    hub.take(other, { kind: 'join' })
    await daemon.last.event('snapshot', snapshot([job('A', { state: 'running', rev: 3 }), job('B', { state: 'running', rev: 3 })]), 'ab-1')
    await flush()
    hub.take(other, { kind: 'watch', jobs: ['B'] })
    for (const id of ['A', 'B']) await daemon.last.event('step.progress', progress(id, 3, 10))
    const before = tab.patches.length
    await flush()
    expect(tab.patches).toHaveLength(before)
    expect(other.last.progress.map((one) => one.job)).toEqual(['B'])
    // What a tab begins to show it is told of at once.
    hub.take(tab, { kind: 'watch', jobs: ['A'] })
    expect(tab.last.progress).toEqual([expect.objectContaining({ job: 'A', done: 10 })])
  })

  it('ignores what is older: events out of order and late progress', async () => {
    hub.take(tab, { kind: 'watch', jobs: ['A'] })
    await daemon.last.event('snapshot', snapshot([job('A', { state: 'running', rev: 5 })]), 'ab-1')
    await daemon.last.event('step.progress', progress('A', 5, 60))
    await daemon.last.event('step.progress', progress('A', 5, 40))
    await daemon.last.event('step.progress', progress('A', 4, 99))
    await daemon.last.event('job.started', started('A', 4), 'ab-2')
    await flush()
    expect(tab.last.progress).toEqual([expect.objectContaining({ done: 60 })])
    expect(tab.last.jobs[0]?.rev).toBe(5)
    await daemon.last.event('job.cancelled', { seq: 3, at, job: 'A', rev: 6, ...file, state: 'cancelled', artifacts: [] }, 'ab-3')
    await daemon.last.event('step.progress', progress('A', 6, 70))
    await flush()
    expect(tab.last.settled).toEqual(['A'])
    expect(tab.last.progress).toEqual([])
    expect(tab.last.jobs[0]?.state).toBe('cancelled')
  })

  it('asks for a job that it has never heard of', async () => {
    daemon.jobs.Z = job('Z', { rev: 9, state: 'running' })
    await daemon.last.event('snapshot', snapshot(), 'ab-1')
    await daemon.last.event('step.started', { seq: 2, at, job: 'Z', rev: 9, state: 'running', ...place }, 'ab-2')
    await settled()
    await flush()
    expect(daemon.asked).toEqual(['/api/v1/jobs/Z'])
    expect(tab.last.jobs).toEqual([expect.objectContaining({ id: 'Z', rev: 9 })])
  })

  it('counts what it cannot read, stays whole, and asks for a fresh state once a minute', async () => {
    await daemon.last.event('snapshot', snapshot([job('A')]), 'ab-1')
    await flush()
    await daemon.last.event('job.started', '{"seq":2', 'ab-2')
    await settled()
    expect(tab.status).toMatchObject({ malformed: 1, lastMalformed: 'job.started: not JSON' })
    expect(daemon.lines).toHaveLength(2)
    expect(daemon.last.headers['Last-Event-ID']).toBeUndefined()
    await daemon.last.event('hello', hello())
    await daemon.last.event('job.started', { seq: 'two', job: 'A' }, 'ab-2')
    await settled()
    expect(tab.status?.malformed).toBe(2)
    expect(daemon.lines).toHaveLength(2)
    await daemon.last.event('job.started', started('A', 2), 'ab-3')
    await flush()
    expect(tab.last.jobs[0]?.state).toBe('running')
  })

  it('leaves events alone that it does not know', async () => {
    await daemon.last.event('snapshot', snapshot([job('A')]), 'ab-1')
    await daemon.last.event('job.teleported', { to: 'Mars' }, 'ab-2')
    await flush()
    expect(tab.status?.malformed).toBe(0)
    expect(tab.status?.phase).toBe('live')
  })

  it('replaces everything after a reset', async () => {
    await daemon.last.event('snapshot', snapshot([job('A', { rev: 40 })]), 'ab-1')
    await flush()
    await daemon.last.event('reset', { reason: 'epoch-changed', cursor: 'cd-1' })
    await daemon.last.event('snapshot', snapshot([job('A', { rev: 2 }), job('B')]), 'cd-1')
    await flush()
    expect(tab.last.whole).toBe(true)
    expect(tab.last.jobs.map(({ id, rev }) => [id, rev])).toEqual([['A', 2], ['B', 1]])
    expect(tab.status?.resets).toBe(1)
  })

  it('serves many tabs with one stream, and none without tabs', async () => {
    await daemon.last.event('snapshot', snapshot([job('A')]), 'ab-1')
    await flush()
    const other = new FakeTab()
    hub.take(other, { kind: 'join' })
    expect(daemon.lines).toHaveLength(1)
    expect(other.last.whole).toBe(true)
    expect(other.last.jobs).toHaveLength(1)
    expect(other.status?.tabs).toBe(2)
    hub.take(tab, { kind: 'leave' })
    expect(daemon.last.aborted).toBe(false)
    hub.take(other, { kind: 'leave' })
    expect(daemon.last.aborted).toBe(true)
  })

  it('forgets a tab that stopped saying it is there', async () => {
    await vi.advanceTimersByTimeAsync(100_000)
    hub.take(tab, { kind: 'alive' })
    await vi.advanceTimersByTimeAsync(100_000)
    expect(tab.status?.tabs).toBe(1)
    await vi.advanceTimersByTimeAsync(100_000)
    expect(daemon.last.aborted).toBe(true)
  })
})
