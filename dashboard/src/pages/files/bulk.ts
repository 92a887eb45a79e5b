// One thing said to all files of a list, however many: a few at a time, and on while other pages are shown.
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { ApiError, getJson } from '@/api/client'
import type { JobPageView } from '@/generated/api'
import { useJobs } from '@/stores/jobs'
import { useToasts } from '@/stores/toasts'
import { text } from '@/text'
import { address, type Filter } from './list'

export type BulkVerb = 'retry' | 'cancel'

export interface Bulk {
  /** How many have been asked. */
  asked: number
  /** How many there were when it began, where that is known. */
  total: number | undefined
  stopping: boolean
}

const PAGE = 200
const AT_ONCE = 4

export const useBulk = defineStore('bulk', () => {
  const jobs = useJobs()
  const toasts = useToasts()
  const work = shallowRef<Bulk>()
  const change = (to: Partial<Bulk>): void => void (work.value &&= { ...work.value, ...to })
  const stopped = (): boolean => work.value?.stopping ?? true

  /** In the order of their coming, in which none moves while it is at work: each is asked once, and nothing that comes meanwhile. */
  async function run(verb: BulkVerb, filter: Filter, total?: number): Promise<void> {
    if (work.value) return
    work.value = { asked: 0, total, stopping: false }
    const words = text.files.bulk[verb]
    let taken = 0
    const refused: ApiError[] = []
    try {
      let before: string | null = null
      do {
        const page: JobPageView = await getJson<JobPageView>(address(filter, PAGE, before, 'created'))
        await each(page.jobs.map(({ id }) => id), async (id) => {
          try {
            await jobs.act(id, verb)
            taken += 1
          } catch (caught) {
            // A refusal is of this file; without an answer, or without a session, the others would fare the same.
            if (!(caught instanceof ApiError) || caught.problem === undefined || caught.status === 401) throw caught
            refused.push(caught)
          }
          change({ asked: taken + refused.length })
        })
        before = page.next
      } while (before !== null && !stopped())
    } catch (caught) {
      toasts.error(text.common.failedTo(words.failed), caught)
    }
    work.value = undefined
    if (refused.length > 0) toasts.error(words.refused(refused.length), refused[0])
    if (taken > 0) toasts.success(words.done(taken))
  }
  /** Some at once, until all are done or it is stopped; the first error ends it. */
  async function each(ids: string[], say: (id: string) => Promise<void>): Promise<void> {
    const next = ids.values()
    let broken = false
    const one = async (): Promise<void> => {
      for (const id of next) {
        if (broken || stopped()) return
        await say(id).catch((caught: unknown) => {
          broken = true
          throw caught
        })
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, one))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
  }
  const stop = (): void => change({ stopping: true })
  return { work, run, stop }
})
