// What the feed's holder (a shared worker, one of the tabs, or this tab) and the tabs say to each other.
import type { LiveLine, JobView, SnapshotPipelineView, StatsView, StepProgress } from '@/generated/api'

/** How the stream is. */
export type Phase = 'connecting' | 'live' | 'waiting' | 'offline' | 'unauthorized' | 'refused' | 'closed'

/** Everything the connection panel shows. */
export interface FeedStatus {
  phase: Phase
  /** When the next try begins, while `waiting`. */
  retryAt?: number
  /** Why it is not live. */
  reason?: string
  /** When the last words came. */
  lastAt?: number
  /** The last durable event. */
  cursor?: string
  uiBuild?: string
  version?: string
  received: number
  malformed: number
  lastMalformed?: string
  reconnects: number
  resets: number
  tabs: number
}

export type Progress = StepProgress
export type Pipeline = SnapshotPipelineView

/** What changed since the last patch; entities are whole, so that a lost patch does no harm for long. */
export interface Patch {
  /** All of it: what is not in here is gone. */
  whole: boolean
  jobs: JobView[]
  progress: Progress[]
  /** Jobs whose progress is over. */
  settled: string[]
  pipelines: Pipeline[]
  removedPipelines: string[]
  counters?: Record<string, number>
  stats?: StatsView
  /** More jobs are open than the feed told of. */
  moreJobs?: boolean
  logs: { job: string; lines: LiveLine[] }[]
  /** Names of other facts, for what is kept by request: plugins, the daemon, waiting files. */
  facts: string[]
}

/** From a tab. `watch` names the jobs whose progress it shows: it is sent no other. */
export type TabMessage = { kind: 'watch'; jobs: string[] } | { kind: 'join' } | { kind: 'alive' } | { kind: 'leave' } | { kind: 'reconnect' } | { kind: 'resync' } | { kind: 'network'; online: boolean }

/** To a tab. */
export type FeedMessage = { kind: 'status'; status: FeedStatus } | { kind: 'patch'; patch: Patch }

export const emptyPatch = (): Patch => ({ whole: false, jobs: [], progress: [], settled: [], pipelines: [], removedPipelines: [], logs: [], facts: [] })

export const freshStatus = (): FeedStatus => ({ phase: 'connecting', received: 0, malformed: 0, reconnects: 0, resets: 0, tabs: 0 })

/** Whether a patch changes nothing. */
export function isEmpty({ whole, counters, stats, jobs, progress, settled, pipelines, removedPipelines, logs, facts }: Patch): boolean {
  return !whole && !counters && !stats && [jobs, progress, settled, pipelines, removedPipelines, logs, facts].every((list) => list.length === 0)
}

/** What of a patch concerns a tab that shows the progress of these jobs, or nothing. */
export function forTab(all: Patch, watching: ReadonlySet<string>): Patch | undefined {
  const patch = { ...all, progress: all.progress.filter(({ job }) => watching.has(job)), settled: all.settled.filter((job) => watching.has(job)) }
  return isEmpty(patch) ? undefined : patch
}
