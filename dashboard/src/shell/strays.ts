// Files that are dropped where nothing takes them: the browser would open them in place of the page.

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true

/** Text that is dragged goes where it went before, and so do files over what takes them: that has answered already, or is written in. */
function keep(event: DragEvent): void {
  if (event.defaultPrevented || !carriesFiles(event)) return
  event.preventDefault()
  const field = event.target instanceof HTMLElement && event.target.closest('[contenteditable=true], input, textarea') !== null
  // The pointer says that nothing is taken here.
  if (event.dataTransfer && !field) event.dataTransfer.dropEffect = 'none'
}

/** Keeps the page until the returned function is called. */
export function keepPage(): () => void {
  const kinds = ['dragenter', 'dragover', 'drop'] as const
  for (const kind of kinds) addEventListener(kind, keep)
  return () => {
    for (const kind of kinds) removeEventListener(kind, keep)
  }
}
