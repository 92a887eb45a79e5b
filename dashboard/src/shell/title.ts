// The tab's title: what the page is about, before the word for the page.
import { onScopeDispose, shallowRef, watchEffect } from 'vue'
import { quoted } from '@/names'

interface Subject { name: string }
const shown = shallowRef<Subject>()

/** The page that is shown is about this file, pipeline or operation; of nothing while the name is not known. */
export function useSubject(name: () => string | undefined): void {
  let own: Subject | undefined
  watchEffect(() => {
    own = { name: name() ?? '' }
    shown.value = own
  })
  // The next page may have come before this one goes.
  onScopeDispose(() => {
    if (shown.value === own) shown.value = undefined
  })
}

/** `scan.pdf · File`, nothing in it written in another order; the page's word alone where it is about nothing in particular. */
export const titled = (page: string): string => (shown.value?.name ? `${quoted(shown.value.name)} · ${page}` : page)
