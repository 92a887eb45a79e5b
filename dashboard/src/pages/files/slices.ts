// Makes the rows of a screenful a few at a time, so that no frame takes long: a slow machine shows them one after another within a few
// frames, instead of nothing at all for as long.
import { onScopeDispose, shallowRef, watch } from 'vue'
import { afterFrame } from '@/frames'

/** New rows a frame. On a processor four times slower than a laptop's one row costs about 2 ms with its layout and painting. */
export const SLICE = 6

/**
 * @param wanted the rows that should be there, those that matter most first.
 * @returns the ones that are made, and how to have one made at once.
 */
export function useSlices(wanted: () => readonly string[], size = SLICE) {
  const made = shallowRef<ReadonlySet<string>>(new Set())
  let callOff: (() => void) | undefined
  function slice(): void {
    const next = new Set<string>()
    let left = size
    let more = false
    for (const id of wanted()) {
      if (made.value.has(id) || next.has(id)) next.add(id)
      else if (left > 0) {
        left -= 1
        next.add(id)
      } else more = true
    }
    if (next.size !== made.value.size || [...next].some((id) => !made.value.has(id))) made.value = next
    if (more)
      callOff ??= afterFrame(() => {
        callOff = undefined
        slice()
      })
  }
  function make(id: string): void {
    if (!made.value.has(id)) made.value = new Set([...made.value, id])
  }
  // While a frame is booked, that one goes on: rows that come in between must not get their own slices.
  watch(wanted, () => callOff === undefined && slice(), { immediate: true })
  onScopeDispose(() => callOff?.())
  return { made, make }
}
