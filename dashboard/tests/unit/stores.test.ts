import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { emptyPatch } from '@/feed/types'
import type { JobView } from '@/generated/api'
import { FrameBatch } from '@/live'
import { useJobs } from '@/stores/jobs'
import { job } from './fake'

const make = (id: string, more: object = {}): JobView => job(id, more) as unknown as JobView

beforeEach(() => setActivePinia(createPinia()))

describe('jobs', () => {
  it('keep the newer of feed and answer', () => {
    const jobs = useJobs()
    jobs.hold('A')
    jobs.apply({ ...emptyPatch(), jobs: [make('A', { rev: 5, state: 'running' })] })
    jobs.put(make('A', { rev: 4, state: 'queued' }))
    expect(jobs.byId.get('A')?.state).toBe('running')
    jobs.put(make('A', { rev: 6, state: 'succeeded' }))
    expect(jobs.byId.get('A')?.state).toBe('succeeded')
  })
  it('take a whole patch as it is, older or not', () => {
    const jobs = useJobs()
    jobs.apply({ ...emptyPatch(), jobs: [make('A', { rev: 50 }), make('B')] })
    jobs.apply({ ...emptyPatch(), whole: true, jobs: [make('A', { rev: 2 })] })
    expect(jobs.byId.get('A')?.rev).toBe(2)
    expect(jobs.byId.has('B')).toBe(false)
  })
  it('are forgotten when they have ended and no page shows them', () => {
    const jobs = useJobs()
    jobs.hold('A')
    const seen: string[] = []
    jobs.listen({ onJobs: (changed) => seen.push(...changed.map(({ id }) => id)) })
    jobs.apply({ ...emptyPatch(), jobs: [make('A', { state: 'succeeded' }), make('B', { state: 'failed' })] })
    expect(seen).toEqual(['A', 'B'])
    expect([...jobs.byId.keys()]).toEqual(['A'])
    jobs.release('A')
    expect(jobs.byId.size).toBe(0)
  })
  it('lose their progress when they leave the running state', () => {
    const jobs = useJobs()
    const progress = { job: 'A', pipeline: 'receive', path: '/in/a.pdf', rev: 1, step: 's', index: 0, steps: 1, part: 1, parts: 1, done: 1, total: 2 }
    jobs.apply({ ...emptyPatch(), jobs: [make('A', { state: 'running' })], progress: [progress] })
    expect(jobs.progress.size).toBe(1)
    jobs.apply({ ...emptyPatch(), jobs: [make('A', { rev: 2, state: 'delivering' })], settled: ['A'] })
    expect(jobs.progress.size).toBe(0)
  })
})

it('hands over everything of one frame together, in order', () => {
  const take = vi.fn()
  let frame: (() => void) | undefined
  const batch = new FrameBatch<number>(take, (run) => (frame = run))
  for (let n = 0; n < 1000; n += 1) batch.add(n)
  expect(take).not.toHaveBeenCalled()
  frame?.()
  expect(take).toHaveBeenCalledTimes(1)
  expect(take.mock.calls[0]?.[0]).toHaveLength(1000)
  batch.add(1)
  frame?.()
  expect(take).toHaveBeenCalledTimes(2)
})
