import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { pdf } from './support/pdf'
import { Scene } from './support/scene'

const TOKEN = 'a-token-that-is-long-enough'
let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ pipelines: { receive: 'watch: { folder: inbox/receive, quiet: 0s }\nsteps: [{ uses: rotate, with: { angle: 90 } }]\n' }, token: TOKEN })
})
afterAll(() => scene?.close())

/** Natural width and height of each picture that has come, and whether there is ink on it. */
const pictures = (page: Page): Promise<{ alt: string; width: number; height: number; inked: boolean }[]> =>
  page.locator('.thumbnail img').evaluateAll((images) =>
    (images as HTMLImageElement[])
      .filter((image) => image.complete && image.naturalWidth > 0)
      .map((image) => {
        const canvas = document.createElement('canvas')
        canvas.width = image.naturalWidth
        canvas.height = image.naturalHeight
        const context = canvas.getContext('2d')
        context?.drawImage(image, 0, 0)
        const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
        return { alt: image.alt, width: image.naturalWidth, height: image.naturalHeight, inked: pixels.some((value, index) => index % 4 !== 3 && value < 128) }
      }),
  )

it('shows the first pages before and after, with the token, and moves nothing when they come', async () => {
  await scene.daemon.drop('receive', 'scan.pdf', pdf(2, 'some words'))
  const job = await scene.daemon.jobIn('scan.pdf', 'succeeded')
  const page = await scene.tab('/', false)
  const dialog = page.getByRole('dialog', { name: 'This daemon asks for its token' })
  await dialog.getByLabel('Token').fill(TOKEN)
  await dialog.getByRole('button', { name: 'Continue' }).click()
  await page.locator('.chip[data-phase=live]').waitFor()

  // While the pictures are held back, their places are there already.
  let release = (): void => {}
  const held = new Promise<void>((go) => (release = go))
  await page.route('**/thumbnail?*', async (route) => {
    await held
    await route.continue()
  })
  await page.goto(`${scene.url}/files/${job.id}`)
  const boxes = page.locator('.thumbnail')
  await expect.poll(() => boxes.count()).toBe(4)
  const places = (): Promise<unknown[]> => boxes.evaluateAll((all) => all.map((one) => [Math.round(one.getBoundingClientRect().width), Math.round(one.getBoundingClientRect().height)]))
  const before = await places()
  release()
  await page.locator('.thumbnail img').first().scrollIntoViewIfNeeded()
  await expect.poll(async () => (await pictures(page)).length, { timeout: 30_000 }).toBe(4)
  expect(await places()).toEqual(before)

  const [original, result] = await pictures(page)
  expect([original?.alt, result?.alt]).toEqual(['First page of scan.pdf', 'First page of scan.pdf'])
  expect([original?.inked, result?.inked]).toEqual([true, true])
  expect(original?.width).toBe(320)
  expect([(result?.width ?? 0) > (result?.height ?? 0), (original?.width ?? 0) > (original?.height ?? 0)], 'it was turned').toEqual([true, false])

  await page.setViewportSize({ width: 360, height: 740 })
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0)
  expect(scene.complaints).toEqual([])
})
