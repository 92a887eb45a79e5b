// Pictures of every page in both themes, for the documentation: `npm run screenshots`.
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, it } from 'vitest'
import { furnish, pipelines } from './support/pages'
import { pdf } from './support/pdf'
import { receive, Scene } from './support/scene'

const folder = process.env.DROPLEAF_SCREENSHOTS_TO ?? fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
let scene: Scene
beforeAll(async () => {
  // A short path, the same in every picture.
  scene = await Scene.open({ pipelines, home: join(tmpdir(), 'dropleaf') })
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) if (name.endsWith('.png')) await rm(`${folder}/${name}`)
})
afterAll(async () => {
  await scene?.close()
  // Where ImageMagick is there, the pictures are a third as large.
  const names = (await readdir(folder)).filter((name) => name.endsWith('.png')).map((name) => `${folder}/${name}`)
  const { status } = spawnSync('mogrify', ['-strip', '+dither', '-colors', '200', '-define', 'png:compression-level=9', ...names])
  if (status !== 0) console.log('ImageMagick is not there: the pictures are left as large as they are')
})

it('takes a picture of every page', { timeout: 180_000 }, async () => {
  const pages = await furnish(scene)
  const page = await scene.tab('/')
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of [1200, 360]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 800 })
      for (const { name, path } of pages) {
        if (name.startsWith('missing-')) continue
        // One picture at a phone's width is enough of most pages; all are tested there.
        if (width === 360 && (colorScheme === 'dark' || !['overview', 'files', 'file', 'pipeline'].includes(name))) continue
        await page.goto(scene.url + path)
        await page.locator('.chip[data-phase=live]').waitFor()
        if (name === 'pipeline') await page.locator('.cm-content').waitFor()
        if (name === 'file') await page.getByRole('button', { name: /Preview\s*: Contract/ }).first().click()
        if (name === 'file') await page.locator('canvas').first().waitFor()
        await page.waitForTimeout(700)
        await page.screenshot({ path: `${folder}/${name}-${width === 360 ? 'phone' : colorScheme}.png` })
      }
    }
    await page.setViewportSize({ width: 1200, height: 800 })
    await page.goto(`${scene.url}/pipelines/receive`)
    await page.locator('.cm-content').waitFor()
    await page.locator('input[type=file]').setInputFiles({ name: 'sample.pdf', mimeType: 'application/pdf', buffer: pdf(2, 'A sample') })
    await page.locator('canvas').nth(1).waitFor()
    await page.getByRole('region', { name: 'Try it' }).scrollIntoViewIfNeeded()
    await page.evaluate(() => window.scrollTo(0, 400))
    await page.waitForTimeout(700)
    await page.screenshot({ path: `${folder}/pipeline-try-${colorScheme}.png` })

    await page.evaluate(() => window.scrollTo(0, 0))
    await page.locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText(`${receive.replace('repair', 'repare').replace('position', 'positon')}`)
    await page.getByRole('list', { name: 'Faults' }).getByRole('button').nth(1).waitFor()
    await page.keyboard.press('Control+End')
    await page.keyboard.insertText('output:\n  ')
    await page.keyboard.press('Control+Space')
    await page.locator('.cm-tooltip-autocomplete').waitFor()
    await page.waitForTimeout(700)
    await page.screenshot({ path: `${folder}/pipeline-faults-${colorScheme}.png` })
    page.once('dialog', (dialog) => void dialog.accept())
  }
})
