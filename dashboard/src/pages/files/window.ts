// Which rows of a long list are in view. All rows are equally high, so a position is a product: nothing is kept for each row, and a list of
// 100,000 costs no more than one of a hundred.
import { computed, onUnmounted, shallowRef, watch, type Ref } from 'vue'

/** So many rows beyond each edge are there already when they are scrolled to. */
const BEYOND = 6

/** The rows from `first` up to `end`, the edges included that are seen in part. */
export function rowsIn(top: number, room: number, height: number, count: number, beyond = 0): { first: number; end: number } {
  const end = Math.min(count, Math.ceil((top + room) / height) + beyond)
  return { first: Math.max(0, Math.min(end, Math.floor(top / height) - beyond)), end }
}

export function useWindow(scroller: Readonly<Ref<HTMLElement | null>>, count: () => number, height: () => number) {
  const top = shallowRef(0)
  const room = shallowRef(0)
  const observer = new ResizeObserver(([entry]) => entry && (room.value = entry.contentRect.height))
  watch(scroller, (element) => {
    observer.disconnect()
    if (element) observer.observe(element)
  })
  onUnmounted(() => observer.disconnect())

  const span = (beyond: number) => computed<{ first: number; end: number }>((old) => {
    const next = rowsIn(top.value, room.value, height(), count(), beyond)
    return old?.first === next.first && old.end === next.end ? old : next
  })
  /** Takes in where the list is scrolled to. */
  function scrolled(): void {
    top.value = scroller.value?.scrollTop ?? 0
  }
  /** Scrolls no further than it must to have a whole row in view. */
  function reveal(index: number): void {
    const element = scroller.value
    if (!element) return
    const [from, to] = [index * height(), (index + 1) * height()]
    if (from < element.scrollTop) element.scrollTop = from
    else if (to > element.scrollTop + room.value) element.scrollTop = to - room.value
    scrolled()
  }
  return { top, drawn: span(BEYOND), seen: span(0), scrolled, reveal }
}
