// The page that could not be shown: why, and when it is tried again.
import { computed, shallowRef, type ComputedRef } from 'vue'
import { isNavigationFailure, NavigationFailureType, type Router } from 'vue-router'
import { useConnection } from '@/stores/connection'
import { loadMissing, watchStyles } from './styles'

interface Broken {
  error: unknown
  /** The address that was not reached. A page that was, and broke when it was made, has none. */
  target?: string
}

export interface BrokenPage {
  broken: Readonly<{ value: Broken | undefined }>
  /** Whether it is for want of the daemon, and is tried again when it is back. */
  away: ComputedRef<boolean>
  /** Of a page that broke when it was made. */
  fail(error: unknown): void
  /** All anew, at the address that was wanted: what the page consists of may have changed. */
  reload(): void
}

/** Follows the router: whatever it shows next, the same page included, takes the place of what could not be shown. */
export function useBrokenPage(router: Router): BrokenPage {
  const connection = useConnection()
  const broken = shallowRef<Broken>()
  const away = computed(() => broken.value?.target !== undefined && !connection.live)
  /** Where the newest navigation leads, while it is under way: one that it has overtaken has nothing to say any more. */
  let wanted: string | undefined

  /** Pages that have been shown lack nothing. */
  const whole = new Set<unknown>()

  watchStyles()
  router.beforeEach((to) => void (wanted = to.fullPath))
  router.beforeResolve(async (to) => {
    if (!whole.has(to.name)) await loadMissing()
  })
  router.onError((error, to) => {
    if (to.fullPath !== wanted) return
    broken.value = { error, target: to.fullPath }
  })
  router.afterEach((to, _from, failure) => {
    if (failure && !isNavigationFailure(failure, NavigationFailureType.duplicated)) return
    whole.add(to.name)
    wanted = undefined
    broken.value = undefined
  })
  connection.whenLive(() => {
    const target = broken.value?.target
    // What fails again is told by `onError`.
    void (target === undefined ? loadMissing() : router.push(target)).catch(() => {})
  })
  return {
    broken,
    away,
    fail: (error) => void (broken.value = { error }),
    reload: () => (broken.value?.target === undefined ? location.reload() : location.assign(router.resolve(broken.value.target).href)),
  }
}
