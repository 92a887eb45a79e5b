// Style sheets of pages that did not come: what loads the pages tries each only once, and takes it for loaded from then on.

const missing = new Set<string>()

/** Keeps in mind what fails from now on. */
export function watchStyles(): void {
  document.head.addEventListener('error', onError, true)
}
function onError({ target }: Event): void {
  if (!(target instanceof HTMLLinkElement)) return
  target.remove()
  if (target.rel === 'stylesheet') missing.add(target.href)
}

/** Loads all that is missing; fails where one of them still does not come. */
export async function loadMissing(): Promise<void> {
  await Promise.all([...missing].map(load))
}
function load(href: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link')
    link.rel = 'stylesheet'
    link.crossOrigin = ''
    link.href = href
    link.onload = () => {
      missing.delete(href)
      resolve()
    }
    link.onerror = () => reject(new Error(`Unable to load ${href}`))
    document.head.append(link)
  })
}
