// How far a running job is, and how long it will still take: what is known, and nothing else.
import type { Progress } from './feed/types'
import { duration } from './format'
import type { JobView, StatsView } from './generated/api'
import { text } from './text'

const words = text.files.progress
/** What these plugins count are pages. Others may count what they like (`optimize` counts streams), so theirs are numbers without a name. */
const PAGEWISE = new Set(['extract-text', 'merge', 'pages', 'render', 'split', 'stamp'])
/** Below this, "3 s left" is more unrest than help. */
const SOON_MS = 1_000

export interface HowFar {
  /** 0 to 1 of the whole job; null where the end is unknown. */
  value: number | null
  /** `stamp (step 2 of 3) · page 37 of 120`. */
  where: string
  /** `25 s left`, or that nobody knows. */
  left: string
}

/** When the whole job is expected to end, by this pipeline's own history. */
export function expectedEnd(job: string, progress: Progress | undefined, stats: StatsView | undefined, now: number): number | undefined {
  const running = stats?.running.find((entry) => entry.job === job)
  if (running?.endAt !== undefined) return Date.parse(running.endAt)
  if (progress?.jobEtaMs !== undefined) return now + progress.jobEtaMs
  // The last step's own rate is the whole job's.
  const lastStep = progress && progress.index + 1 === progress.steps && progress.part === progress.parts
  return lastStep && progress.etaMs !== undefined ? now + progress.etaMs : undefined
}

/** The operation that a job is in. */
export const atWork = (job: Pick<JobView, 'steps'>): string | undefined => job.steps.find(({ status }) => status === 'running')?.uses

/** @param job its id, and the operation that it is in. */
export function howFar(job: { id: string; uses: string | undefined }, progress: Progress | undefined, stats: StatsView | undefined, now: number): HowFar {
  const end = expectedEnd(job.id, progress, stats, now)
  const left = end === undefined ? words.unknown : end - now < SOON_MS ? words.soon : words.left(duration(Math.round((end - now) / 1000) * 1000))
  if (!progress) return { value: null, where: words.starting, left }
  const { index, steps, step, part, parts, done, total } = progress
  const where = [words.step(index + 1, steps, step)]
  if (parts > 1) where.push(words.part(part, parts))
  const { of, so } = PAGEWISE.has(job.uses?.split('/')[0] ?? '') ? words.pages : words.units
  if (total > 0) where.push(of(done, total))
  else if (done > 0) where.push(so(done))
  const inPart = total > 0 ? Math.min(1, done / total) : 0
  const inStep = (part - 1 + inPart) / Math.max(1, parts)
  return { value: total > 0 || steps > 1 ? (index + inStep) / Math.max(1, steps) : null, where: where.join(' · '), left }
}
