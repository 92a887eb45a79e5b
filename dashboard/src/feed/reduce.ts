// What each event of the feed does to a job. Pure: a job and an event in, a new job out.
import type { FeedEvents, JobView, StepView } from '@/generated/api'

type Named<Part extends string> = Extract<keyof FeedEvents, Part>
/** The events that are about a job. */
export type JobEventName = Named<
  | 'job.accepted' | 'job.queued' | 'job.started' | 'job.warned' | 'job.waiting' | 'job.delivering' | 'job.succeeded' | 'job.failed' | 'job.cancelled'
  | 'step.started' | 'step.finished' | 'step.skipped' | 'step.failed' | 'artifact.written' | 'worker.crashed'
>

type Reducers = { [E in JobEventName]: (job: JobView, event: FeedEvents[E]) => Partial<JobView> }
type State = JobView['state']

const span = (from: string | null | undefined, to: string): number => (from ? Math.max(0, Date.parse(to) - Date.parse(from)) : 0)

function withStep(job: JobView, id: string, change: (step: StepView) => Partial<StepView>): Pick<JobView, 'steps'> {
  return { steps: job.steps.map((step) => (step.id === id ? { ...step, ...change(step) } : step)) }
}

const fresh = (steps: { id: string; uses: string }[]): StepView[] => steps.map(({ id, uses }) => ({ id, uses, status: 'pending', ms: 0 }))

/** Time in the queue and at work is counted when a state is left. */
function leaving(job: JobView, at: string): Partial<JobView> {
  const past = span(job.since, at)
  if (job.state === 'queued') return { queuedMs: job.queuedMs + past, since: undefined, until: undefined }
  if (job.state === 'running') return { ranMs: job.ranMs + past, since: undefined, until: undefined }
  return { since: undefined, until: undefined }
}

const reducers: Reducers = {
  'job.accepted': () => ({}),
  'job.queued': (job, event) => ({
    ...leaving(job, event.at),
    since: event.at,
    input: {
      ...job.input,
      ...(event.size == null ? {} : { size: event.size }),
      ...(event.blake3 == null ? {} : { blake3: event.blake3 }),
      ...(event.duplicateOf == null ? {} : { duplicateOf: event.duplicateOf }),
    },
    ...(event.reason === 'asked' ? { artifacts: [], problem: null } : {}),
    ...(event.problem == null ? {} : { problem: event.problem }),
  }),
  'job.started': (job, event) => ({
    ...leaving(job, event.at),
    since: event.at,
    attempts: event.attempt,
    revision: event.revision,
    sandbox: event.sandbox,
    plugins: event.plugins,
    steps: fresh(event.steps),
  }),
  'step.started': (job, event) => withStep(job, event.step, (step) => ({ status: 'running', startedAt: step.startedAt ?? event.at })),
  'step.finished': (job, event) =>
    withStep(job, event.step, (step) => ({ status: 'finished', ms: step.ms + event.ms, results: { ...step.results, ...event.results } })),
  'step.skipped': (job, event) => withStep(job, event.step, () => ({ status: 'skipped' })),
  'step.failed': (job, event) =>
    withStep(job, event.step, (step) => ({ status: event.continued ? 'passed' : 'failed', ms: step.ms + event.ms, problem: event.problem })),
  'job.warned': (job, event) => ({ warnings: [...job.warnings, event.message] }),
  'worker.crashed': (_job, event) => ({ problem: event.problem }),
  'job.waiting': (job, event) => ({ ...leaving(job, event.at), until: event.until, problem: event.problem }),
  'job.delivering': (job, event) => ({
    ...leaving(job, event.at),
    parses: event.parses,
    saves: event.saves,
    pagesIn: event.pagesIn,
    pagesOut: event.pagesOut,
    peakKib: event.peakKib,
    cpuMs: event.cpuMs,
    ...(event.verdict === 'succeed' ? { problem: null } : event.problem ? { problem: event.problem } : {}),
  }),
  'artifact.written': (job, event) => ({ artifacts: [...job.artifacts.filter(({ name }) => name !== event.artifact.name), event.artifact] }),
  'job.succeeded': (job, event) => ({ ...leaving(job, event.at), artifacts: event.artifacts, problem: null }),
  'job.failed': (job, event) => ({ ...leaving(job, event.at), artifacts: event.artifacts, ...(event.problem ? { problem: event.problem } : {}) }),
  'job.cancelled': (job, event) => ({ ...leaving(job, event.at), artifacts: event.artifacts }),
}

export const isJobEvent = (event: string): event is JobEventName => Object.hasOwn(reducers, event)

/** A job after an event about it. */
export function reduce<E extends JobEventName>(job: JobView, name: E, event: FeedEvents[E]): JobView {
  const state = 'state' in event && typeof event.state === 'string' ? { state: event.state as State } : {}
  return { ...job, ...reducers[name](job, event), ...state, rev: event.rev, updatedAt: event.at }
}

/** The job that a `job.accepted` tells of. */
export function accepted(event: FeedEvents['job.accepted']): JobView {
  const base = `/api/v1/jobs/${event.job}`
  const pipeline = event.pipeline ?? ''
  return {
    id: event.job,
    rev: event.rev,
    pipeline,
    revision: event.revision,
    name: event.name ?? event.relative,
    path: event.path ?? event.relative,
    relative: event.relative,
    origin: event.origin as JobView['origin'],
    state: event.state as State,
    createdAt: event.at,
    updatedAt: event.at,
    attempts: 0,
    priority: event.priority,
    queuedMs: 0,
    ranMs: 0,
    steps: fresh(event.steps),
    warnings: [],
    problem: null,
    artifacts: [],
    input: { size: event.size, blake3: null, href: `${base}/input` },
    plugins: [],
    sandbox: null,
    parses: 0,
    saves: 0,
    pagesIn: 0,
    pagesOut: 0,
    peakKib: 0,
    cpuMs: 0,
    links: { self: base, events: `${base}/events`, log: `${base}/log`, pipeline: `/api/v1/pipelines/${encodeURIComponent(pipeline)}` },
  }
}
