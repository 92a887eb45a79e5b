// The pure parts of the pages: what a list holds, what a bar shows, what a life looked like.
import { describe, expect, it } from 'vitest'
import { accepted } from '@/feed/reduce'
import type { JobView, StatsView, TimelineView } from '@/generated/api'
import { bar, fromJob, fromTimeline, inOrder } from '@/pages/job/timeline'
import { matches, toRow } from '@/pages/files/list'
import { lastHour } from '@/pages/overview/minutes'
import { howFar } from '@/progress'
import { ago, bytes, duration } from '@/format'
import { job } from './fake'

const now = Date.parse('2026-01-01T01:00:30.000Z')
const progress = { job: 'A', pipeline: 'receive', path: '/in/a.pdf', rev: 3, step: 'stamp', index: 1, steps: 4, part: 1, parts: 1, done: 30, total: 120 }
const stats = (running: StatsView['running']): StatsView => ({ counters: {}, pipelines: [], running, daemon: {} as StatsView['daemon'] }) as StatsView

describe('time left', () => {
  it('is the history of the pipeline where that is known', () => {
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, progress, stats([{ job: 'A', endAt: new Date(now + 25_000).toISOString() }]), now)).toEqual({ value: 0.3125, where: 'stamp (step 2 of 4) · page 30 of 120', left: '25 s left' })
  })
  it('is honestly unknown where nothing says it', () => {
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, progress, undefined, now).left).toBe('time left unknown')
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, { ...progress, etaMs: 9_000 }, undefined, now).left).toBe('time left unknown')
  })
  it('is the pace of the last step, which is that of the job', () => {
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, { ...progress, index: 3, etaMs: 9_000 }, undefined, now).left).toBe('9 s left')
  })
  it('calls pages what are pages, and gives other things no name', () => {
    const where = (uses: string | undefined, more = {}): string => howFar({ id: 'A', uses }, { ...progress, done: 1_200, total: 12_000, ...more }, undefined, now).where
    expect(where('stamp/stamp-text')).toBe('stamp (step 2 of 4) · page 1,200 of 12,000')
    expect(where('optimize/optimize')).toBe('stamp (step 2 of 4) · 1,200 of 12,000')
    expect(where(undefined, { total: 0 })).toBe('stamp (step 2 of 4) · 1,200')
  })
  it('has no bar where the end is unknown', () => {
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, { ...progress, steps: 1, index: 0, total: 0 }, undefined, now).value).toBeNull()
    expect(howFar({ id: 'A', uses: 'stamp/stamp-text' }, undefined, undefined, now).where).toBe('starting')
  })
})

describe('a filter', () => {
  const row = toRow(job('A', { state: 'running', name: 'Scan 12 u\u0308ber.pdf' }) as unknown as JobView)
  const filter = { state: '', pipeline: '', q: '' }
  it.each([
    [{}, true], [{ state: 'open' }, true], [{ state: 'ended' }, false], [{ state: 'failed,running' }, true], [{ state: 'failed' }, false],
    [{ pipeline: 'receive' }, true], [{ pipeline: 'other' }, false], [{ q: 'scan' }, true], [{ q: '13' }, false], [{ q: '\u00fcber' }, true], [{ q: 'U\u0308BER' }, true],
  ])('%o lets a running file through: %s', (change, expected) => {
    expect(matches(row, { ...filter, ...change })).toBe(expected)
  })
})

describe('the last hour', () => {
  it('has sixty minutes, the gaps filled, and nothing older', () => {
    const minute = (at: string, succeeded: number, failed: number) => ({ at, succeeded, failed, cancelled: 0, pages: 0, bytes: 0 })
    const hour = lastHour([minute('2026-01-01T00:00:00.000Z', 99, 99), minute('2026-01-01T00:01:00.000Z', 5, 0), minute('2026-01-01T01:00:00.000Z', 2, 1)], now)
    expect(hour.succeeded).toHaveLength(60)
    expect([hour.succeeded[0], hour.succeeded[59], hour.failed[59]]).toEqual([5, 2, 1])
    expect([hour.totalSucceeded, hour.totalFailed]).toEqual([7, 1])
  })
})

describe('a life', () => {
  const ran = job('A', {
    state: 'succeeded', attempts: 1, queuedMs: 400, ranMs: 300, updatedAt: '2026-01-01T00:00:02.000Z',
    steps: [
      { id: 'repair', uses: 'repair/repair', status: 'finished', startedAt: '2026-01-01T00:00:01.000Z', ms: 100 },
      { id: 'stamp', uses: 'stamp/stamp-text', status: 'finished', startedAt: '2026-01-01T00:00:01.100Z', ms: 200 },
    ],
  }) as unknown as JobView

  it('is told by the job alone where the daemon keeps no more', () => {
    const life = fromJob(ran)
    expect(life.phases).toEqual([expect.objectContaining({ state: 'queued', ms: 400 })])
    expect(life.attempts).toHaveLength(1)
    const attempt = life.attempts[0]!
    expect(bar(attempt.steps[1]!, attempt, now)).toEqual({ left: expect.closeTo(33.3, 1), width: expect.closeTo(66.7, 1) })
  })
  it('knows all attempts where the daemon tells them, and shows the newest as it is now', () => {
    const timeline = {
      job: 'A', rev: 5, phases: [{ state: 'queued', startedAt: '2026-01-01T00:00:00.000Z', ms: 400 }],
      attempts: [
        { attempt: 1, revision: 'r', worker: 1, sandbox: 'full', plugins: [], startedAt: '2026-01-01T00:00:00.500Z', endedAt: '2026-01-01T00:00:00.900Z', ending: 'crashed', steps: [] },
        { attempt: 2, revision: 'r', worker: 2, sandbox: 'full', plugins: [], startedAt: '2026-01-01T00:00:01.000Z', steps: [{ id: 'repair', uses: 'repair/repair', index: 0, status: 'running', ms: 0, runs: [] }] },
      ],
    } as unknown as TimelineView
    const life = fromTimeline(timeline, { ...ran, attempts: 2, rev: 9 })
    expect(life.attempts.map(({ attempt, ending }) => [attempt, ending])).toEqual([[1, 'crashed'], [2, undefined]])
    expect(life.attempts[1]?.steps.map(({ label, status }) => [label, status])).toEqual([['repair', 'finished'], ['stamp', 'finished']])
    // The attempt is over, though the timeline breaks off before its end: its bars stand still.
    expect(life.attempts[1]?.endedAt).toBe(Date.parse('2026-01-01T00:00:01.300Z'))
  })
  it('stands still where an attempt ended in the middle of a step, and goes from attempt to attempt', () => {
    const attempt = (attempt: number, ending: string) => ({
      attempt, revision: 'r', worker: 1, sandbox: 'full', plugins: [], startedAt: `2026-01-01T00:00:0${attempt}.000Z`, endedAt: `2026-01-01T00:00:0${attempt}.500Z`, ending,
      steps: [{ id: 'repair', uses: 'repair/repair', index: 0, status: 'running', startedAt: `2026-01-01T00:00:0${attempt}.100Z`, ms: 0, runs: [] }],
    })
    const phase = (state: string, startedAt: string) => ({ state, startedAt, ms: 0 })
    const phases = [phase('queued', '2026-01-01T00:00:01.000Z'), phase('delivering', '2026-01-01T00:00:01.500Z'), phase('queued', '2026-01-01T00:00:02.000Z'), phase('delivering', '2026-01-01T00:00:02.500Z')]
    const life = fromTimeline({ job: 'A', rev: 9, phases, attempts: [attempt(1, 'cancelled'), attempt(2, 'crashed')] } as unknown as TimelineView, { ...ran, attempts: 2, rev: 9 })
    expect(life.attempts.map(({ steps }) => [steps[0]?.status, steps[0]?.ms])).toEqual([['stopped', 400], ['failed', 400]])
    expect(inOrder(life).map((part) => ('attempt' in part ? part.attempt : part.state))).toEqual(['queued', 1, 'delivering', 'queued', 2, 'delivering'])
  })
})

it('begins a job with what its first event says', () => {
  const made = accepted({ seq: 1, at: '2026-01-01T00:00:00.000Z', job: 'J', rev: 1, pipeline: 'receive', path: '/in/a.pdf', name: 'a.pdf', state: 'claiming', revision: 'r', relative: 'a.pdf', size: 9, origin: 'watch', priority: 0, steps: [{ id: 's', uses: 'p/s' }] } as never)
  expect(made).toMatchObject({ id: 'J', state: 'claiming', name: 'a.pdf', steps: [{ id: 's', uses: 'p/s', status: 'pending', ms: 0 }] })
})

it('writes sizes and times as people read them', () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(150 * 1024), bytes(5 * 1024 ** 3)]).toEqual(['0 B', '1,023 B', '1.5 KiB', '150 KiB', '5 GiB'])
  expect([duration(12), duration(9_400), duration(61_000), duration(3_600_000), duration(90_000_000)]).toEqual(['12 ms', '9.4 s', '1 min 1 s', '1 h', '25 h'])
  expect(ago(now - 1_000, now)).toBe('now')
})
