// Every page by keyboard alone, enlarged to four times its size, on a small phone, and without motion.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { furnish, pipelines } from './support/pages'
import { Scene } from './support/scene'

let scene: Scene
let page: Page
let pages: { name: string; path: string }[]
beforeAll(async () => {
  scene = await Scene.open({ pipelines })
  pages = await furnish(scene)
  page = await scene.tab('/')
})
afterAll(() => scene?.close())

async function open(path: string): Promise<void> {
  await page.goto(scene.url + path)
  await page.locator('.chip[data-phase=live]').waitFor()
  await page.locator('main h1, main .cm-content').first().waitFor()
  if (path === '/pipelines/receive') await page.locator('.cm-content').waitFor()
  await expect.poll(() => page.locator('.skeleton').count()).toBe(0)
}

/** What can be pressed or typed into, numbered for the walk. */
function number(): string[] {
  const all = [...document.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled), select, summary, [tabindex="0"]')].filter(
    (element) => element.checkVisibility({ visibilityProperty: true }) && element.tabIndex >= 0 && !element.closest('.cm-editor') && element.getBoundingClientRect().width > 1,
  )
  // Of radio buttons with one name, Tab stops at one.
  const radios = new Set<string>()
  const stops = all.filter((element) => {
    if (!(element instanceof HTMLInputElement) || element.type !== 'radio') return true
    if (radios.has(element.name) || (document.querySelector(`input[name="${element.name}"]:checked`) && !element.checked)) return false
    return radios.add(element.name) !== undefined
  })
  stops.forEach((element, index) => (element.dataset.stop = String(index)))
  return stops.map((element) => `${element.tagName.toLowerCase()} ${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40)}`)
}
/** Which of them has the focus now, and whether that can be seen. */
function here(): { stop: string | undefined; editor: boolean; body: boolean; seen: boolean } {
  const element = document.activeElement as HTMLElement
  const { left, top, width, height } = element.getBoundingClientRect()
  const [x, y] = [left + Math.min(width / 2, 200), top + Math.min(height / 2, 200)]
  const at = document.elementFromPoint(x, y)
  const style = getComputedStyle(element)
  const marked = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || [...element.querySelectorAll('*'), ...(element.parentElement ? [element.parentElement] : [])].some((one) => getComputedStyle(one).outlineStyle !== 'none')
  return { stop: element.dataset.stop, editor: element.closest('.cm-editor') !== null, body: element === document.body, seen: marked && at !== null && (element.contains(at) || at.contains(element)) }
}

/** What came anew while it was walked through (a log that was read again) is found at the second try. */
const walk = async (name: string): Promise<string[]> => ((await once(name)).length === 0 ? [] : once(name))

async function once(name: string): Promise<string[]> {
  const stops = await page.evaluate(number)
  const [reached, found] = [new Set<number>(), [] as string[]]
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  for (let step = 0; step < stops.length * 2 + 30; step += 1) {
    await page.keyboard.press('Tab')
    const { stop, editor, body, seen } = await page.evaluate(here)
    if (editor) await page.keyboard.press('Escape')
    if (body && step > 0) break
    if (stop === undefined) continue
    if (!seen) found.push(`${name}: the focus cannot be seen on ${stops[Number(stop)]}`)
    if (reached.has(Number(stop)) && reached.size === stops.length) break
    reached.add(Number(stop))
  }
  return [...found, ...stops.filter((_, index) => !reached.has(index)).map((stop) => `${name}: not reached: ${stop}`)]
}

it('is walked through by keyboard on every page, and the focus is always seen', { timeout: 300_000 }, async () => {
  const found: string[] = []
  for (const { name, path } of pages) {
    await open(path)
    found.push(...(await walk(name)))
  }
  await page.setViewportSize({ width: 360, height: 740 })
  for (const { name, path } of pages.filter((one) => ['overview', 'files', 'file', 'waiting'].includes(one.name))) {
    await open(path)
    found.push(...(await walk(`${name}, phone`)))
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  expect(found).toEqual([])
})

/** How far the page reaches beyond the window, and what does; nothing while the window has not taken its size yet. */
function beyond(width: number): { by: number; what: string[] } | undefined {
  if (window.innerWidth !== width) return undefined
  const seen = (element: Element): boolean => element.getClientRects().length > 0 && element.getBoundingClientRect().right > width + 1
  // What can be scrolled to within a part of the page does not make the page wider.
  const cut = (element: Element): boolean => {
    for (let above = element.parentElement; above; above = above.parentElement) if (above !== document.body && getComputedStyle(above).overflowX !== 'visible') return true
    return false
  }
  const wide = [...document.body.querySelectorAll('*')].filter((element) => seen(element) && !cut(element))
  const right = (element: Element): number => Math.ceil(element.getBoundingClientRect().right)
  const what = wide.sort((a, b) => right(b) - right(a)).map((element) => `${element.tagName.toLowerCase()}.${String(element.getAttribute('class'))} ${right(element)} ${(element.textContent ?? '').trim().slice(0, 30)}`)
  return { by: Math.max(document.documentElement.scrollWidth, ...wide.map(right)) - width, what: what.slice(0, 4) }
}

it('fits on every window and with large letters, and nothing moves where no motion is wanted', { timeout: 300_000 }, async () => {
  const found: string[] = []
  const size = async (name: string, width: number, height: number, letters = ''): Promise<void> => {
    await page.setViewportSize({ width, height })
    await page.evaluate((size) => {
      document.documentElement.style.fontSize = size
      return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))
    }, letters)
    // A page that has just got another size is given the time to take it, and then must keep it.
    await expect.poll(() => page.evaluate(beyond, width), { timeout: 10_000 }).toBeDefined()
    await expect.poll(async () => (await page.evaluate(beyond, width))?.by ?? 1, { timeout: 5_000 }).toBeLessThanOrEqual(0).catch(async () => {
      const { by, what } = (await page.evaluate(beyond, width)) ?? { by: 0, what: [] }
      found.push(`${name}: ${by} px too wide: ${what.join(' | ')}`)
    })
  }
  for (const { name, path } of pages) {
    // A window of 1,280 by 800, enlarged to 200 %.
    await page.setViewportSize({ width: 640, height: 400 })
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await open(path)
    await size(`${name} at 200 %`, 640, 400)
    const moving = await page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect?.getComputedTiming().duration) > 50).length)
    if (moving > 0) found.push(`${name}: ${moving} things move`)
    await size(`${name} at 400 %`, 320, 256)
    // Letters of twice the size, by the browser's own setting.
    for (const width of [1280, 1001, 721, 360]) await size(`${name}, ${width} px, with letters of twice the size`, width, 800, '32px')
  }
  await page.emulateMedia({ reducedMotion: null })
  expect(found).toEqual([])
})

it('goes through the list by j and k from anywhere on the page', async () => {
  await open('/')
  await page.keyboard.press('g')
  await page.keyboard.press('f')
  await page.locator('.file').first().waitFor()
  const at = (): Promise<string | undefined> => page.evaluate(() => (document.activeElement?.closest('[data-index]') as HTMLElement | null)?.dataset.index)
  await page.keyboard.press('j')
  await expect.poll(at).toBe('0')
  await page.keyboard.press('j')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('k')
  await expect.poll(at).toBe('1')
  // In the search field it is a letter.
  await page.keyboard.press('/')
  await page.keyboard.type('jk')
  expect(await page.getByRole('searchbox').inputValue()).toBe('jk')
  await page.getByText('Nothing matches').or(page.locator('.empty')).first().waitFor()
})

it('goes on at the row of the file that one comes back from', async () => {
  await open('/files')
  await page.locator('.file').nth(2).waitFor()
  const at = (): Promise<string | null | undefined> => page.evaluate(() => document.activeElement?.getAttribute('href'))
  for (const key of ['j', 'j', 'j']) await page.keyboard.press(key)
  const row = await page.locator('.file').nth(2).getAttribute('href')
  await expect.poll(at).toBe(row)
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Timeline' }).waitFor()
  expect(new URL(page.url()).pathname).toBe(row)
  await page.goBack()
  await expect.poll(at).toBe(row)
  // By a link it is another way, which begins at the page.
  await page.keyboard.press('Enter')
  await page.getByRole('main').getByRole('link', { name: 'All files' }).click()
  await page.locator('.file').first().waitFor()
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('content')
})
