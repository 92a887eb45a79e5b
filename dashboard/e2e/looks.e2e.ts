import AxeBuilder from '@axe-core/playwright'
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

/** Goes to a page and waits until nothing more is asked for. */
async function open(path: string): Promise<void> {
  await page.goto(scene.url + path)
  await page.locator('.chip[data-phase=live]').waitFor()
  await page.waitForLoadState('load')
  if (path === '/pipelines/receive') await page.locator('.cm-content').waitFor()
  else await page.getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.skeleton').waitFor({ state: 'detached' }).catch(() => {})
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))))
}

/** What is wrong with the page as it is now, in words. */
async function violations(name: string, rules: 'all' | 'colours' = 'all'): Promise<string[]> {
  // The page has no frames; so it need not open another page for each report.
  const axe = new AxeBuilder({ page }).setLegacyMode(true)
  if (rules === 'all') axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
  else axe.withRules(['color-contrast', 'link-in-text-block'])
  const { violations: found } = await axe.analyze()
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${name}: ${id}: ${node.target.join(' ')} ${node.failureSummary?.split('\n')[1] ?? ''}`))
}
function sizes(): string[] {
  return [...document.querySelectorAll('button, input, select, a.button')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.cm-editor, .visually-hidden') && !element.classList.contains('visually-hidden'))
    .filter((element) => !['radio', 'checkbox'].includes((element as HTMLInputElement).type))
    .map((element) => ({ box: element.getBoundingClientRect(), text: element.textContent?.trim().slice(0, 30) }))
    .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(({ box, text }) => `${text} is ${Math.round(box.width)}x${Math.round(box.height)} px`)
}

it('has no violation that axe can find on any page in both themes, and fits a phone', async () => {
  const found: string[] = []
  for (const { name, path } of pages) {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await open(path)
    found.push(...(await violations(`${name}, light`)))
    // The themes differ in nothing but their colours.
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await expect.poll(() => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe('rgb(16, 19, 18)')
    found.push(...(await violations(`${name}, dark`, 'colours')))

    await page.setViewportSize({ width: 360, height: 740 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    if (wide > 0) found.push(`${name}, phone: ${wide} px too wide`)
    found.push(...(await page.evaluate(sizes)).map((one) => `${name}, phone: ${one}`))
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  expect(found).toEqual([])
  expect(scene.complaints).toEqual([])
})

it('stays readable where it is greyed, in both themes', async () => {
  const found: string[] = []
  for (const { name, path } of pages.filter((one) => ['overview', 'files', 'file', 'file-failed', 'waiting'].includes(one.name))) {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await open(path)
    scene.line.cut()
    await page.locator('.frame.stale .live-data').first().waitFor()
    await page.getByText('What you see may be out of date').waitFor()
    const faded = (): Promise<string> => page.locator('.live-data').first().evaluate((element) => getComputedStyle(element).filter)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await expect.poll(faded).toBe('grayscale(1)')
      found.push(...(await violations(`${name}, stale, ${colorScheme}`, 'colours')))
    }
    scene.line.mend()
  }
  expect(found).toEqual([])
})

it('has no violation in dialogs, lists of faults and what pops up', async () => {
  const found: string[] = []
  await open('/')
  await page.getByRole('button', { name: 'Actions for receive' }).click()
  await page.getByRole('menu').waitFor()
  found.push(...(await violations('menu of a card')))
  await page.getByRole('menuitem', { name: /^Pause/ }).click()
  await page.getByRole('dialog', { name: 'Pause receive?' }).waitFor()
  found.push(...(await violations('pause')))
  await page.keyboard.press('Escape')

  await open('/pipelines')
  await page.getByRole('button', { name: 'New pipeline' }).click()
  await page.getByRole('radio', { name: /^rotate/ }).waitFor()
  found.push(...(await violations('new pipeline')))
  await page.keyboard.press('Escape')

  await open('/pipelines/receive')
  await page.locator('.cm-content').click()
  await page.keyboard.press('Control+End')
  await page.keyboard.insertText('nonsense: 1\noutput:\n  ')
  await page.getByRole('list', { name: 'Faults' }).waitFor()
  found.push(...(await violations('faults')))
  await page.keyboard.press('Control+Space')
  await page.locator('.cm-tooltip-autocomplete').waitFor()
  found.push(...(await violations('completion')))
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Undo all changes' }).click()
  await page.getByText('No faults').waitFor()
  await page.locator('.chip').click()
  await page.getByRole('dialog', { name: 'Connection' }).waitFor()
  found.push(...(await violations('connection')))
  expect(found).toEqual([])
})
