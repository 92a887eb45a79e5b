// Keys that work on every page: `g` and a letter goes to a page, `/` goes to the search field, `?` lists the keys.
import type { Router } from 'vue-router'
import { entries } from './nav'

const PREFIX_MS = 1200

/** Whether a key is meant for what has the focus. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return target !== null && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** Listens until the returned function is called. */
export function listen(router: Router, help: () => void): () => void {
  let prefixUntil = 0
  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || document.querySelector('[role=dialog]')) return
    const entry = event.timeStamp < prefixUntil ? entries.find(({ key }) => key === event.key) : undefined
    prefixUntil = 0
    if (entry) void router.push(entry.to)
    else if (event.key === 'g') prefixUntil = event.timeStamp + PREFIX_MS
    else if (event.key === '?') help()
    else if (event.key === '/') {
      const field = document.querySelector<HTMLElement>('[data-search]')
      if (!field) return
      field.focus()
      event.preventDefault()
    }
  }
  window.addEventListener('keydown', onKey)
  return () => window.removeEventListener('keydown', onKey)
}
