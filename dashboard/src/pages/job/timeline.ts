// A job's life as rows: when each part of it began and how long it took. Pure.
import type { JobView, ProblemView, AttemptView, AttemptStepView, TimelineView } from '@/generated/api'

export interface StepRow {
  key: string
  label: string
  uses: string
  status: string
  startedAt: number | undefined
  /** Undefined while it runs. */
  ms: number | undefined
  documents: number
  condition: string | undefined
  problem: ProblemView | undefined
  /** `stamped: 12`, what says something only. */
  results: string[]
}

export interface AttemptRow {
  attempt: number
  ending: string | undefined
  startedAt: number
  endedAt: number | undefined
  steps: StepRow[]
}

export interface PhaseRow {
  state: string
  startedAt: number
  ms: number | undefined
}

export interface Life {
  attempts: AttemptRow[]
  /** What is not an attempt: arriving, queued, waiting, delivering. */
  phases: PhaseRow[]
}

/** How an attempt ends in which the step at work went wrong; elsewhere somebody stopped it. */
const GONE_WRONG = new Set(['rejected', 'failed', 'crashed', 'timed_out'])
const RESTING = new Set(['claiming', 'queued', 'waiting', 'delivering'])
const at = (time: string): number => Date.parse(time)

/** From what the daemon keeps of all attempts; the newest is brought up to date by the job itself. */
export function fromTimeline(timeline: TimelineView, job: JobView): Life {
  const attempts = timeline.attempts.map(attemptRow)
  const last = attempts.at(-1)
  if (job.attempts > (last?.attempt ?? 0)) attempts.push(...fromJob(job).attempts)
  else if (last && last.endedAt === undefined && job.rev > timeline.rev) {
    last.steps = job.steps.map((step, index) => ({ ...stepOfJob(step, index), documents: last.steps[index]?.documents ?? 1 }))
    // A timeline that breaks off never tells of the end.
    last.endedAt = fromJob(job).attempts[0]?.endedAt
  }
  const phases = timeline.phases
    .filter(({ state }) => RESTING.has(state))
    .map(({ state, startedAt, ms, endedAt }) => ({ state, startedAt: at(startedAt), ms: ms ?? (endedAt == null ? undefined : at(endedAt) - at(startedAt)) }))
    .map((phase) => (phase.ms === undefined && phase.state !== job.state ? { ...phase, ms: Math.max(0, at(job.updatedAt) - phase.startedAt) } : phase))
  return { attempts: attempts.map(atRest), phases }
}

/** What an attempt that is over was at when it ended does not go on. */
function atRest(attempt: AttemptRow): AttemptRow {
  const { ending, endedAt } = attempt
  if (endedAt === undefined) return attempt
  const status = GONE_WRONG.has(ending ?? '') ? 'failed' : 'stopped'
  const steps = attempt.steps.map((step) => (step.status === 'running' ? { ...step, status, ms: Math.max(0, endedAt - (step.startedAt ?? endedAt)) } : step))
  return { ...attempt, steps }
}

/** Phases and attempts one after the other, as they were. */
export function inOrder({ attempts, phases }: Life): (AttemptRow | PhaseRow)[] {
  const delivered = ({ state }: PhaseRow): boolean => state === 'delivering'
  // What began in the same millisecond stays as it stands here.
  return [...phases.filter((phase) => !delivered(phase)), ...attempts, ...phases.filter(delivered)].sort((a, b) => a.startedAt - b.startedAt)
}

/** From the job alone, where the daemon keeps no more: its last attempt, and how long it waited in all. */
export function fromJob(job: JobView): Life {
  const phases: PhaseRow[] = []
  const queued = job.state === 'queued' && job.since != null
  if (queued || job.queuedMs > 0) phases.push({ state: 'queued', startedAt: queued ? at(job.since ?? '') : at(job.createdAt), ms: queued ? undefined : job.queuedMs })
  const started = job.steps.flatMap(({ startedAt }) => (startedAt == null ? [] : [at(startedAt)]))
  const startedAt = job.state === 'running' && job.since != null ? at(job.since) : Math.min(...started)
  if (job.attempts === 0 || !Number.isFinite(startedAt)) return { attempts: [], phases }
  const attempt = {
    attempt: job.attempts,
    ending: job.state === 'succeeded' ? 'succeeded' : job.state === 'failed' || job.state === 'waiting' ? 'failed' : undefined,
    startedAt,
    endedAt: job.state === 'running' ? undefined : Math.max(startedAt, ...job.steps.flatMap((step) => (step.startedAt == null ? [] : [at(step.startedAt) + step.ms]))),
    steps: job.steps.map(stepOfJob),
  }
  return { attempts: [atRest(attempt)], phases }
}

function stepOfJob(step: JobView['steps'][number], index: number): StepRow {
  return {
    key: `${index}-${step.id}`,
    label: step.id,
    uses: step.uses,
    status: step.status,
    startedAt: step.startedAt == null ? undefined : at(step.startedAt),
    ms: step.status === 'running' ? undefined : step.ms,
    documents: 1,
    condition: undefined,
    problem: step.problem ?? undefined,
    results: told(step.results ?? {}),
  }
}

function attemptRow(attempt: AttemptView): AttemptRow {
  return { attempt: attempt.attempt, ending: attempt.ending ?? undefined, startedAt: at(attempt.startedAt), endedAt: attempt.endedAt == null ? undefined : at(attempt.endedAt), steps: attempt.steps.map(stepRow) }
}

function stepRow(step: AttemptStepView): StepRow {
  const last = step.runs.at(-1)
  return {
    key: `${step.index}-${step.id}`,
    label: step.id,
    uses: step.uses,
    status: step.status,
    startedAt: step.startedAt == null ? undefined : at(step.startedAt),
    ms: step.status === 'running' ? undefined : step.ms,
    documents: Math.max(1, ...step.runs.map(({ parts }) => parts)),
    condition: step.runs.find(({ condition }) => condition != null)?.condition ?? undefined,
    problem: last?.problem ?? undefined,
    results: told(Object.assign({}, ...step.runs.map(({ results }) => results ?? {})) as Record<string, unknown>),
  }
}

function told(results: Record<string, unknown>): string[] {
  return Object.entries(results).flatMap(([name, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    return value === null || text === '{}' || text === '[]' || text === '' ? [] : [`${name.replaceAll('_', ' ')}: ${text}`]
  })
}

/** Where a bar begins and how wide it is, in percent of its attempt. */
export function bar(step: StepRow, attempt: AttemptRow, now: number): { left: number; width: number } | undefined {
  if (step.startedAt === undefined) return undefined
  const end = attempt.endedAt ?? Math.max(now, attempt.startedAt + 1)
  const span = Math.max(1, end - attempt.startedAt)
  const left = Math.min(99, Math.max(0, ((step.startedAt - attempt.startedAt) / span) * 100))
  const width = ((step.ms ?? Math.max(0, now - step.startedAt)) / span) * 100
  return { left, width: Math.min(100 - left, Math.max(0.8, width)) }
}
