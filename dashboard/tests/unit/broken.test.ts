// The page that could not be shown: what clears it, when it is tried again, and what is said to be the cause.
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { freshStatus, type Phase } from '@/feed/types'
import { useBrokenPage, type BrokenPage } from '@/shell/broken'
import { useConnection } from '@/stores/connection'

const Page = { render: () => null }
let there = true
let asked = 0
let late: ((error: Error) => void) | undefined
let router: Router
let page: BrokenPage

function feed(phase: Phase): Promise<void> {
  useConnection().onStatus({ ...freshStatus(), phase })
  return nextTick()
}
const settled = (): Promise<unknown> => new Promise((later) => setTimeout(later))

beforeEach(async () => {
  setActivePinia(createPinia())
  there = true
  asked = 0
  const lazy = (): Promise<typeof Page> => {
    asked += 1
    return there ? Promise.resolve(Page) : Promise.reject(new Error('Unable to preload CSS'))
  }
  const slow = (): Promise<typeof Page> => new Promise((_, reject) => (late = reject))
  const meta = { title: '' }
  router = createRouter({ history: createMemoryHistory(), routes: [
    { path: '/', name: 'home', component: Page, meta },
    { path: '/files', name: 'files', component: Page, meta },
    { path: '/lazy', name: 'lazy', component: lazy, meta },
    { path: '/slow', name: 'slow', component: slow, meta },
  ] })
  page = useBrokenPage(router)
  await feed('live')
  await router.push('/files')
})
async function failed(): Promise<void> {
  there = false
  await feed('waiting')
  await expect(router.push('/lazy?q=a')).rejects.toThrow('preload')
  expect(page.broken.value?.target).toBe('/lazy?q=a')
}

it('is gone with the next page, and with the one that is there already', async () => {
  await failed()
  await router.push('/files')
  expect(page.broken.value).toBeUndefined()
  await expect(router.push('/lazy')).rejects.toThrow('preload')
  await router.push('/')
  expect(page.broken.value).toBeUndefined()
})

it('is tried again when the feed is live, where it was wanted', async () => {
  await failed()
  there = true
  await feed('live')
  await settled()
  expect([router.currentRoute.value.fullPath, page.broken.value]).toEqual(['/lazy?q=a', undefined])
})

it('is not tried again when the reader has gone on', async () => {
  await failed()
  await router.push('/files')
  await feed('live')
  await settled()
  expect([router.currentRoute.value.fullPath, asked]).toEqual(['/files', 1])
})

it('says that the daemon is away only while it is, and of a page that was not reached', async () => {
  await failed()
  expect(page.away.value).toBe(true)
  await feed('live')
  await settled()
  expect([page.broken.value?.target, page.away.value]).toEqual(['/lazy?q=a', false])
  await feed('waiting')
  page.fail(new Error('render'))
  expect(page.away.value).toBe(false)
})

it('says nothing of a page that comes to nothing after another was opened', async () => {
  const overtaken = router.push('/slow').catch(() => {})
  await settled()
  await router.push('/files')
  late?.(new Error('too late'))
  await overtaken
  expect(page.broken.value).toBeUndefined()
})

it('waits for style sheets that did not come before', async () => {
  const links = (): HTMLLinkElement[] => [...document.head.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')]
  // Whether they come is said below.
  vi.spyOn(document.head, 'append').mockImplementation((link) => void tried.push(link as HTMLLinkElement))
  const tried: HTMLLinkElement[] = []
  const link = document.createElement('link')
  link.setAttribute('rel', 'stylesheet')
  link.setAttribute('href', '/assets/a.css')
  document.head.appendChild(link)
  link.dispatchEvent(new Event('error'))
  expect(links()).toEqual([])

  await router.push('/files')
  expect(tried).toEqual([])
  const lazy = router.push('/lazy')
  await settled()
  tried[0]?.onerror?.(new Event('error'))
  await expect(lazy).rejects.toThrow('a.css')
  expect(page.broken.value?.target).toBe('/lazy')
  const again = router.push('/lazy')
  await settled()
  tried[1]?.onload?.(new Event('load'))
  await again
  expect(page.broken.value).toBeUndefined()
})
