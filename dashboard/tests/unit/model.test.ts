// What the counts say while jobs are heard of that the snapshot left out.
import { describe, expect, it } from 'vitest'
import { FeedModel } from '@/feed/model'
import type { FeedEvents, JobView } from '@/generated/api'
import { job, snapshot } from './fake'

const at = '2026-01-01T00:00:01.000Z'
const about = (id: string, rev: number, state: string): never => ({ seq: rev, at, job: id, rev, pipeline: 'receive', path: '/in/a.pdf', name: 'a.pdf', state, steps: [], plugins: [], artifacts: [] }) as never
const count = (model: FeedModel): Record<string, number> | undefined => {
  const counts = model.drain()?.counters
  return counts && Object.fromEntries(Object.entries(counts).filter(([, jobs]) => jobs > 0))
}
/** Twenty have failed, and of none of them anything else is known. */
function begin(): FeedModel {
  const model = new FeedModel()
  model.apply('snapshot', snapshot([], { counters: { failed: 20 }, moreJobs: true }) as FeedEvents['snapshot'])
  expect(count(model)).toEqual({ failed: 20 })
  return model
}

describe('the counts', () => {
  it('do not count a job twice that was counted before anything was known of it', () => {
    const model = begin()
    model.apply('job.queued', about('Z', 12, 'queued'))
    expect([...model.wanted]).toEqual(['Z'])
    model.offer(job('Z', { rev: 12, state: 'queued' }) as unknown as JobView)
    expect(count(model)).toBeUndefined()
    model.apply('job.started', about('Z', 13, 'running'))
    expect(count(model)).toBeUndefined()
    // What the daemon counts has it as what it is, and from there on it is known.
    model.apply('stats', { counters: { failed: 19, running: 1 }, pipelines: [], running: [] } as never)
    expect(count(model)).toEqual({ failed: 19, running: 1 })
    model.apply('job.failed', about('Z', 14, 'failed'))
    expect(count(model)).toEqual({ failed: 20 })
  })
  it('count a new job at once, and through its life', () => {
    const model = begin()
    model.apply('job.accepted', about('N', 1, 'claiming'))
    expect(count(model)).toEqual({ failed: 20, claiming: 1 })
    model.apply('job.queued', about('N', 2, 'queued'))
    expect(count(model)).toEqual({ failed: 20, queued: 1 })
  })
})
