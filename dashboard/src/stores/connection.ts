// The state of the one stream that feeds this browser.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { ApiError, send } from '@/api/client'
import type { FeedLink, Via } from '@/feed/connect'
import { freshStatus, type FeedStatus } from '@/feed/types'
import { text } from '@/text'

/** A break shorter than this is no news. */
const PATIENCE_MS = 3_000

export const useConnection = defineStore('connection', () => {
  const status = shallowRef<FeedStatus>(freshStatus())
  const via = ref<Via>('tab')
  const tokenWanted = ref(false)
  const firstBuild = ref<string>()
  let link: FeedLink | undefined

  const live = computed(() => status.value.phase === 'live')
  /** What is shown may be old: it was live once, and is not now. */
  const stale = computed(() => !live.value && status.value.lastAt !== undefined)
  /** It has been so for a while: time to say it loudly. */
  const longStale = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(stale, (is) => {
    clearTimeout(timer)
    if (is) timer = setTimeout(() => (longStale.value = true), PATIENCE_MS)
    else longStale.value = false
  })
  /** Calls `again` whenever the feed is live again: what failed meanwhile is worth another try. */
  const whenLive = (again: () => void): void => void watch(live, (is) => is && again())
  const newBuild = computed(() => firstBuild.value !== undefined && status.value.uiBuild !== undefined && status.value.uiBuild !== firstBuild.value)

  function attach(to: FeedLink): void {
    link = to
    via.value = to.via
  }
  function onStatus(next: FeedStatus): void {
    status.value = next
    firstBuild.value ??= next.uiBuild
    if (next.phase === 'unauthorized') tokenWanted.value = true
    else if (next.phase === 'live') tokenWanted.value = false
  }
  const reconnect = (): void => link?.send({ kind: 'reconnect' })
  const watchJobs = (jobs: string[]): void => link?.send({ kind: 'watch', jobs })

  /** Exchanges the token for a session; says what is wrong with it, or nothing. */
  async function login(token: string): Promise<string | undefined> {
    try {
      await send('session', { method: 'POST', json: { token } })
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return text.shell.login.wrong
      return error instanceof ApiError ? error.message : String(error)
    }
    tokenWanted.value = false
    reconnect()
    return undefined
  }
  return { status, via, tokenWanted, live, stale, longStale, newBuild, whenLive, attach, onStatus, reconnect, watchJobs, login }
})
