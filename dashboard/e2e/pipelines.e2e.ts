import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { until } from './support/daemon'
import { pdf } from './support/pdf'
import { receive, Scene } from './support/scene'

let scene: Scene
let page: Page
beforeAll(async () => {
  scene = await Scene.open()
  page = await scene.tab('/pipelines')
})
afterAll(() => scene?.close())

const editor = () => page.getByRole('textbox', { name: /YAML of pipeline/ })
const save = () => page.getByRole('button', { name: 'Save', exact: true })
/** Exchanges the whole text, as a paste does. */
async function write(yaml: string): Promise<void> {
  await editor().click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(yaml)
}

/** Whether pointing at a word in the editor says `meaning`. The pointer comes anew: what it rested on may have been drawn again. */
async function isExplained(word: string, meaning: string): Promise<boolean> {
  const place = await page.evaluate((word) => {
    const texts = document.createTreeWalker(document.querySelector('.cm-content') ?? document, NodeFilter.SHOW_TEXT)
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const at = text.textContent?.indexOf(word) ?? -1
      if (at < 0) continue
      const range = document.createRange()
      range.setStart(text, at)
      range.setEnd(text, at + word.length)
      const { x, y, width, height } = range.getBoundingClientRect()
      return { x: x + width / 2, y: y + height / 2 }
    }
    return undefined
  }, word)
  if (!place) return false
  await page.mouse.move(0, 0)
  await page.mouse.move(place.x, place.y)
  const shown = page.locator('.cm-meaning').getByText(meaning).waitFor({ timeout: 2_000 })
  return shown.then(() => true, () => false)
}

it('shows the faults of a wrong text as they are typed, and goes to their lines', async () => {
  await page.getByRole('link', { name: /receive/ }).click()
  await editor().waitFor()
  await write(receive.replace('stamp-text', 'stmp-text').replace('continue_on_error: true', 'continue: true'))
  const faults = page.getByRole('list', { name: 'Faults' }).getByRole('button')
  await expect.poll(() => faults.count()).toBe(2)
  await page.getByText('did you mean').first().waitFor()
  await expect.poll(() => save().isDisabled()).toBe(true)
  await expect.poll(() => page.locator('.cm-lintRange-error').count()).toBeGreaterThanOrEqual(2)

  await faults.first().click()
  await expect.poll(() => page.evaluate(() => document.querySelector('.cm-activeLine')?.textContent)).toContain('stmp-text')
  expect(await scene.daemon.readPipeline('receive')).toBe(receive)
})

it('completes operations and parameters from the schema', async () => {
  await write('watch:\n  folder: inbox/receive\nsteps:\n  - uses: spl')
  await page.keyboard.press('Control+Space')
  const options = page.locator('.cm-tooltip-autocomplete li')
  await options.filter({ hasText: /^split/ }).first().waitFor()
  // An Enter at the moment when the list opens is none that means it.
  await page.waitForTimeout(150)
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await page.keyboard.insertText('with: { ')
  await page.keyboard.press('Control+Space')
  await options.filter({ hasText: 'every' }).waitFor()
  await expect.poll(() => options.allTextContents()).toEqual([expect.stringContaining('every'), expect.stringContaining('ranges')])
  await page.keyboard.press('Escape')
})

it('completes what templates and conditions may name, and says what it means', async () => {
  await write('watch:\n  folder: inbox/receive\nsteps:\n  - uses: repair\n    if: pdf.')
  await page.keyboard.press('Control+Space')
  const options = page.locator('.cm-tooltip-autocomplete li')
  await options.filter({ hasText: /^signed/ }).waitFor()
  await page.keyboard.press('Escape')
  await write('watch:\n  folder: inbox/receive\nsteps:\n  - uses: repair\noutput:\n  name: "{{ input.stem | ')
  await page.keyboard.press('Control+Space')
  await options.filter({ hasText: /^slug/ }).waitFor()
  await page.keyboard.press('Escape')
  await expect.poll(() => isExplained('stem', 'file name without its extension')).toBe(true)
})

it('tries a sample on the text in the editor and touches nothing', async () => {
  await write(receive.replace('Page {{ page }} of {{ pages }}', 'TRIED'))
  await page.getByText('No faults').waitFor()
  await page.locator('input[type=file]').setInputFiles({ name: 'sample.pdf', mimeType: 'application/pdf', buffer: pdf(2) })
  await page.getByText('This is what would come out').waitFor()
  const steps = page.getByRole('region', { name: 'Try it' }).getByRole('list', { name: 'Steps' }).getByRole('listitem')
  await expect.poll(() => steps.count()).toBe(3)
  await page.getByRole('region', { name: 'Try it' }).locator('canvas').nth(1).waitFor()
  expect(await scene.daemon.job('sample.pdf')).toBeUndefined()
})

it('saves a right text, which is then in use', async () => {
  await write(receive.replace('repair', 'reverse'))
  await page.getByText('No faults').waitFor()
  await save().click()
  await page.getByText('receive: Saved').waitFor()
  expect(await scene.daemon.readPipeline('receive')).toContain('uses: reverse')
  await page.getByRole('list', { name: 'The way of a file through the pipeline' }).getByText('reverse').waitFor()
  await scene.daemon.drop('receive', 'after.pdf', pdf(1))
  const job = await scene.daemon.jobIn('after.pdf', 'succeeded')
  expect((await scene.daemon.get<{ steps: { id: string }[] }>(`jobs/${job.id}`)).steps.map(({ id }) => id)).toContain('reverse')
})

it('follows a change of the file, and lets nobody overwrite unseen what somebody else wrote', async () => {
  await scene.daemon.writePipeline('receive', `${receive}# by hand\n`)
  await editor().getByText('# by hand').waitFor()

  await write(`${receive}priority: 3\n`)
  await scene.daemon.writePipeline('receive', `${receive}priority: 7\n`)
  await page.getByText('The file has been changed elsewhere').waitFor()
  await page.getByText('No faults').waitFor()
  await save().click()
  const dialog = page.getByRole('dialog', { name: 'Somebody else changed this file' })
  await dialog.getByText('priority: 7').waitFor()
  await dialog.getByText('priority: 3').waitFor()
  expect(await scene.daemon.readPipeline('receive')).toContain('priority: 7')
  await dialog.getByRole('button', { name: 'Save the right side' }).click()
  await until('the file to be ours', async () => (await scene.daemon.readPipeline('receive')).includes('priority: 3'))
})

it('shows what is wrong with a file that was broken on disk, against the last good revision', async () => {
  const good = await scene.daemon.readPipeline('receive')
  await scene.daemon.writePipeline('receive', good.replace('optimize', 'optimise'))
  const banner = page.getByRole('alert').filter({ hasText: 'The file has a fault' })
  await banner.getByText('goes on working').waitFor()
  await banner.getByRole('button', { name: 'Compare with the last good revision' }).click()
  const dialog = page.getByRole('dialog', { name: 'What changed since the last good revision' })
  await dialog.getByText('optimise').waitFor()
  await dialog.getByRole('button', { name: 'Put the good text into the editor' }).click()
  await page.getByText('No faults').waitFor()
  await save().click()
  await until('the good text in the file', async () => (await scene.daemon.readPipeline('receive')) === good)
  await banner.waitFor({ state: 'detached' })
})

it('draws the path of a folder as it is written, whatever of it there is room for', async () => {
  const parts = page.getByRole('list', { name: 'The way of a file through the pipeline' }).locator('.watch bdi > bdi')
  const drawn = await parts.evaluateAll((all) => all.map((part) => ({ word: part.textContent, at: part.getBoundingClientRect().x })))
  const words = drawn.map(({ word }) => word)
  expect(words.slice(-2)).toEqual(['inbox', 'receive'])
  expect([...drawn].sort((a, b) => a.at - b.at).map(({ word }) => word)).toEqual(words)
})

it('says what is wrong with the bytes of a file, though its text has come mended', async () => {
  const good = await scene.daemon.readPipeline('receive')
  await writeFile(scene.daemon.path('pipelines', 'receive.yaml'), Buffer.concat([Buffer.from(`${good}# `), Buffer.from([0xff]), Buffer.from('\n')]))
  const faults = page.getByRole('list', { name: 'Faults' })
  await faults.getByText('the file is not UTF-8: byte 0xff').waitFor()
  await page.getByRole('alert').filter({ hasText: 'The file has a fault' }).waitFor()
  expect(await page.getByText('No faults').count()).toBe(0)
  await scene.daemon.writePipeline('receive', good)
  await page.getByText('No faults').waitFor()
})

it('makes a new pipeline from a shipped example', async () => {
  await page.goto(`${scene.url}/pipelines`)
  await page.getByRole('button', { name: 'New pipeline' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('turned')
  await page.getByRole('radio', { name: /^rotate/ }).check()
  await page.getByRole('button', { name: 'Continue in the editor' }).click()
  await page.getByText('Saving creates it').waitFor()
  await page.getByText('No faults').waitFor()
  await save().click()
  await page.getByText('turned: Created').waitFor()
  await scene.daemon.drop('turned', 'first.pdf', pdf(1))
  await scene.daemon.jobIn('first.pdf', 'succeeded')
  expect(scene.complaints).toEqual([])
})
