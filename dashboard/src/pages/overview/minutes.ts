// The last hour as sixty minutes, the gaps filled with zeros.
import type { MinuteView } from '@/generated/api'

export const MINUTES = 60
const MINUTE_MS = 60_000

export interface Hour {
  succeeded: number[]
  failed: number[]
  totalSucceeded: number
  totalFailed: number
}

/** The minutes up to the one that `now` lies in. */
export function lastHour(minutes: MinuteView[], now: number): Hour {
  const succeeded = new Array<number>(MINUTES).fill(0)
  const failed = new Array<number>(MINUTES).fill(0)
  const first = Math.floor(now / MINUTE_MS) - (MINUTES - 1)
  for (const minute of minutes) {
    const index = Math.floor(Date.parse(minute.at) / MINUTE_MS) - first
    if (index < 0 || index >= MINUTES) continue
    succeeded[index] = minute.succeeded
    failed[index] = minute.failed
  }
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
  return { succeeded, failed, totalSucceeded: sum(succeeded), totalFailed: sum(failed) }
}
