// Pictures of every page in both themes, for the documentation: `npm run screenshots`.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, it } from 'vitest'
import { furnish, pipelines } from './support/pages'
import { Scene } from './support/scene'

const folder = process.env.DROPLEAF_SCREENSHOTS_TO ?? fileURLToPath(new URL('../../docs/screenshots', import.meta.url))
let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ pipelines })
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) if (name.endsWith('.png')) await rm(`${folder}/${name}`)
})
afterAll(() => scene?.close())

it('takes a picture of every page', { timeout: 180_000 }, async () => {
  const pages = await furnish(scene)
  const page = await scene.tab('/')
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of [1200, 360]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 800 })
      for (const { name, path } of pages) {
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
  }
})
