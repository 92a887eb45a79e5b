// Where the original of a job is, and what can be done with it there.
import type { JobView } from '@/generated/api'

const ENDED = ['succeeded', 'failed', 'cancelled']

export interface Original {
  /** It can be looked at and downloaded. */
  there: boolean
  /** The job can be done again. */
  retry: boolean
  /** It can be put back into its inbox. */
  restore: boolean
  /** It was given up before it was taken out of its inbox. */
  neverTaken: boolean
}

/** As the daemon judges it: an ended job's original lies where the job says that it was put, or nowhere that is known. */
export function originalOf({ state, path, artifacts }: JobView): Original {
  if (!ENDED.includes(state)) return { there: true, retry: false, restore: false, neverTaken: false }
  const moved = artifacts.find(({ kind }) => kind === 'original')
  const there = moved?.path !== undefined
  return { there, retry: there && state !== 'succeeded', restore: there && moved.path !== path, neverTaken: moved === undefined }
}
