// One entry of a map that the whole page shares, as a component follows it.
import { shallowRef, watchEffect, type ShallowRef } from 'vue'

/**
 * What stands under the key, kept up to date.
 *
 * Not a `computed` that reads the map: Vue keeps a note in the map for each key that a computed has ever read, for as long as the map
 * lives (a watcher takes its own with it). A list through which files pass all day would grow by each of them.
 */
export function useEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: () => Key | undefined): Readonly<ShallowRef<Value | undefined>> {
  const entry = shallowRef<Value>()
  function look(): void {
    const at = key()
    entry.value = at === undefined ? undefined : map.get(at)
  }
  watchEffect(look, { flush: 'sync' })
  return entry
}
