// What the feed has told so far, by id; each change is kept until it is drained as one patch, the newest value only.
import type { FeedEvents, JobView, StatsView } from '@/generated/api'
import { accepted, isJobEvent, reduce, type JobEventName } from './reduce'
import { emptyPatch, isEmpty, type Patch, type Pipeline, type Progress } from './types'

/** Ended jobs that are kept to answer events about them; more are asked for when they are needed. */
const MAX_ENDED = 300
/** Log lines that wait for the next patch. */
const MAX_LINES = 2_000

const ENDED = new Set(['succeeded', 'failed', 'cancelled'])
const ENDS_STEP = new Set(['step.finished', 'step.skipped', 'step.failed'])

export class FeedModel {
  /** Whether there was a snapshot. */
  ready = false
  /** Jobs that must be asked for: an event about them made no sense without what came before. */
  readonly wanted = new Set<string>()

  private jobs = new Map<string, JobView>()
  private progress = new Map<string, Progress>()
  private pipelines = new Map<string, Pipeline>()
  private counters: Record<string, number> = {}
  /** Jobs that were counted by the daemon before anything was known of them, nobody knows as what: its next count has them right. */
  private uncounted = new Set<string>()
  private stats: StatsView | undefined
  private moreJobs = false
  private pending = emptyPatch()
  private dirtyJobs = new Set<string>()
  private dirtyProgress = new Set<string>()
  private dirtyPipelines = new Set<string>()
  private countsDirty = false
  private lines = 0

  /** Takes in one event that has passed its validator. */
  apply<E extends keyof FeedEvents>(name: E, data: FeedEvents[E]): void {
    if (isJobEvent(name)) {
      this.job(name as JobEventName, data as FeedEvents[JobEventName])
      return
    }
    switch (name) {
      case 'snapshot':
        this.snapshot(data as FeedEvents['snapshot'])
        break
      case 'step.progress':
        this.advance(data as FeedEvents['step.progress'])
        break
      case 'log':
        this.log(data as FeedEvents['log'])
        break
      case 'stats':
        this.gauges(data as FeedEvents['stats'])
        break
      default:
        if (name.startsWith('pipeline.') || name.startsWith('watch.')) this.pipeline(name, data as PipelineEvent)
        this.pending.facts.push(name)
    }
  }

  /** A job as a request told it. */
  offer(job: JobView): void {
    this.wanted.delete(job.id)
    const known = this.jobs.get(job.id)
    if (known && known.rev > job.rev) return
    if (!known) this.uncounted.add(job.id)
    this.put(job, known)
  }

  /** Everything, for a tab that has just come. */
  whole(): Patch {
    return {
      ...emptyPatch(),
      whole: true,
      jobs: [...this.jobs.values()],
      progress: [...this.progress.values()],
      pipelines: [...this.pipelines.values()],
      counters: this.counters,
      moreJobs: this.moreJobs,
      ...(this.stats ? { stats: this.stats } : {}),
    }
  }

  /** How far these jobs are, as far as they run. */
  progressOf(ids: Iterable<string>): Progress[] {
    return pick(this.progress, ids)
  }

  /** What changed since the last time, or nothing. */
  drain(): Patch | undefined {
    const patch = this.pending
    patch.jobs = pick(this.jobs, this.dirtyJobs)
    patch.progress = pick(this.progress, this.dirtyProgress)
    patch.pipelines = pick(this.pipelines, this.dirtyPipelines)
    if (this.countsDirty) patch.counters = this.counters
    this.pending = emptyPatch()
    this.lines = 0
    this.countsDirty = false
    for (const dirty of [this.dirtyJobs, this.dirtyProgress, this.dirtyPipelines]) dirty.clear()
    this.evict()
    return isEmpty(patch) ? undefined : patch
  }

  private snapshot(data: FeedEvents['snapshot']): void {
    this.jobs = new Map(data.jobs.map((job) => [job.id, job]))
    this.pipelines = new Map(data.pipelines.map((pipeline) => [pipeline.id, pipeline]))
    this.progress.clear()
    this.counters = { ...data.counters }
    this.uncounted.clear()
    this.moreJobs = data.moreJobs
    this.wanted.clear()
    this.ready = true
    const { logs, facts } = this.pending
    this.pending = { ...emptyPatch(), whole: true, moreJobs: data.moreJobs, logs, facts }
    this.dirtyJobs = new Set(this.jobs.keys())
    this.dirtyPipelines = new Set(this.pipelines.keys())
    this.dirtyProgress.clear()
    this.countsDirty = true
  }

  private job(name: JobEventName, data: FeedEvents[JobEventName]): void {
    this.pending.facts.push(name)
    const known = this.jobs.get(data.job)
    if (name === 'job.accepted') {
      if (!known) this.put(accepted(data as FeedEvents['job.accepted']), undefined)
      return
    }
    if (!known) {
      this.wanted.add(data.job)
      return
    }
    if (data.rev <= known.rev) return
    // Something between was missed: what is known now is better than nothing until the answer comes.
    if (data.rev > known.rev + 1) this.wanted.add(data.job)
    const next = reduce(known, name, data as never)
    this.put(next, known)
    const progress = this.progress.get(next.id)
    if (progress && (next.state !== 'running' || (ENDS_STEP.has(name) && 'step' in data && data.step === progress.step))) this.settle(next.id)
  }

  private put(job: JobView, before: JobView | undefined): void {
    this.jobs.set(job.id, job)
    this.dirtyJobs.add(job.id)
    if (job.state !== 'running') this.settle(job.id)
    if (before?.state === job.state || this.uncounted.has(job.id)) return
    this.count(job.pipeline, job.state, 1)
    if (before) this.count(job.pipeline, before.state, -1)
  }

  private count(id: string, state: string, by: number): void {
    const add = (counts: Record<string, number>): Record<string, number> => ({ ...counts, [state]: Math.max(0, (counts[state] ?? 0) + by) })
    this.counters = add(this.counters)
    this.countsDirty = true
    const pipeline = this.pipelines.get(id)
    if (!pipeline) return
    this.pipelines.set(id, { ...pipeline, jobs: add(pipeline.jobs) })
    this.dirtyPipelines.add(id)
  }

  private settle(id: string): void {
    if (!this.progress.delete(id)) return
    this.dirtyProgress.delete(id)
    this.pending.settled.push(id)
  }

  private advance(next: Progress): void {
    const job = this.jobs.get(next.job)
    if (job && (job.rev > next.rev || job.state !== 'running')) return
    const last = this.progress.get(next.job)
    // The bar of one step never goes back.
    if (last && last.rev === next.rev && last.step === next.step && last.part === next.part && last.done > next.done) return
    this.progress.set(next.job, next)
    this.dirtyProgress.add(next.job)
  }

  private log({ job, lines }: FeedEvents['log']): void {
    if (this.lines >= MAX_LINES) return
    this.lines += lines.length
    this.pending.logs.push({ job, lines })
  }

  private gauges(stats: StatsView): void {
    this.stats = stats
    this.pending.stats = stats
    this.counters = { ...stats.counters }
    this.uncounted.clear()
    this.countsDirty = true
    for (const { pipeline: id, jobs } of stats.pipelines) {
      const pipeline = this.pipelines.get(id)
      if (!pipeline) continue
      this.pipelines.set(id, { ...pipeline, jobs: { ...jobs } })
      this.dirtyPipelines.add(id)
    }
  }

  private pipeline(name: string, data: PipelineEvent): void {
    const id = data.pipeline
    const known = this.pipelines.get(id)
    if (known && data.rev <= known.rev) return
    if (name === 'pipeline.removed') {
      this.pipelines.delete(id)
      this.dirtyPipelines.delete(id)
      this.pending.removedPipelines.push(id)
      return
    }
    const base: Pipeline = known ?? { id, rev: 0, updatedAt: data.at, revision: null, state: 'invalid', faults: [], folder: null, jobs: {} }
    this.pipelines.set(id, { ...base, ...changed(base, name, data), rev: data.rev, updatedAt: data.at })
    this.dirtyPipelines.add(id)
  }

  private evict(): void {
    if (this.jobs.size <= MAX_ENDED * 2) return
    const ended = [...this.jobs.values()].filter(({ state }) => ENDED.has(state)).sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1))
    for (const { id } of ended.slice(MAX_ENDED)) this.jobs.delete(id)
  }
}

type PipelineEvent = { pipeline: string; rev: number; at: string } & Partial<{ revision: string; faults: string[]; reason: string; folder: string; mode: string }>

function changed(base: Pipeline, name: string, data: PipelineEvent): Partial<Pipeline> {
  const state = (revision: string | null | undefined, paused: string | undefined): Pipeline['state'] => (revision == null ? 'invalid' : paused === undefined ? 'active' : 'paused')
  switch (name) {
    case 'pipeline.loaded':
      return { revision: data.revision ?? null, faults: [], state: state(data.revision, base.paused ?? undefined) }
    case 'pipeline.invalid':
      return { faults: data.faults ?? [] }
    case 'pipeline.paused':
      return { paused: data.reason ?? '', state: state(base.revision, data.reason ?? '') }
    case 'pipeline.resumed':
      return { paused: undefined, state: state(base.revision, undefined) }
    default: {
      const folder = { folder: data.folder ?? '', state: name.slice('watch.'.length), reason: data.reason ?? '', ...(data.mode === undefined ? {} : { mode: data.mode }) }
      return { folder: folder as Pipeline['folder'] }
    }
  }
}

function pick<T>(from: Map<string, T>, ids: Iterable<string>): T[] {
  const found: T[] = []
  for (const id of ids) {
    const value = from.get(id)
    if (value !== undefined) found.push(value)
  }
  return found
}
