// The keyboard's place on the page, where what had the focus goes away: a button that has done its work, a dialog's opener.
//
// Browsers let the focus fall to the top of the document then, and a screen reader begins anew there.

/** Where the page's own title is, the reader goes on from there. */
const HEADING = '#content h1[tabindex]'

/** Holds the place until the returned function is called. */
export function keepPlace(): () => void {
  let last: HTMLElement | undefined
  const lost = (): boolean => document.activeElement === null || document.activeElement === document.body

  function onFocus(event: FocusEvent): void {
    last = event.target instanceof HTMLElement ? event.target : undefined
  }
  /** Who presses on nothing wants the focus nowhere. */
  function onPress(): void {
    last = undefined
  }
  function mend(): void {
    if (last === undefined || !lost() || document.querySelector('[role=dialog]')) return
    if (!last.isConnected) document.querySelector<HTMLElement>(HEADING)?.focus({ preventScroll: true })
    else if (!last.matches(':disabled')) last.focus({ preventScroll: true })
  }
  const observer = new MutationObserver(mend)
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ['disabled'] })
  document.addEventListener('focusin', onFocus)
  document.addEventListener('pointerdown', onPress, true)
  return () => {
    observer.disconnect()
    document.removeEventListener('focusin', onFocus)
    document.removeEventListener('pointerdown', onPress, true)
  }
}
