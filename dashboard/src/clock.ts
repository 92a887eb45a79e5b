// One clock for everything that shows how long ago something was: it ticks once a second, and only while somebody looks.
import { onMounted, onUnmounted, readonly, ref, type Ref } from 'vue'

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

function tick(): void {
  if (document.visibilityState === 'visible') now.value = Date.now()
}

/** The time, each second, while the component is mounted. */
export function useNow(): Readonly<Ref<number>> {
  onMounted(() => {
    now.value = Date.now()
    watchers += 1
    timer ??= setInterval(tick, 1000)
  })
  onUnmounted(() => {
    watchers -= 1
    if (watchers === 0 && timer !== undefined) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return readonly(now)
}
