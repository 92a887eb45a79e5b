import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PROGRAM } from './support/daemon'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

const XTASK = join(dirname(PROGRAM), 'xtask')

let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ config: 'retention: { jobs: 200000 }' })
  await scene.daemon.drop('receive', 'the first of all.pdf', pdf(1))
  await scene.daemon.jobIn('the first of all.pdf', 'succeeded')
  await scene.daemon.stop()
  await promisify(execFile)(XTASK, ['many-jobs', '--home', scene.daemon.home, '--jobs', '100000'])
  await scene.daemon.run()
})
afterAll(() => scene?.close())

it('scrolls through 100,000 files of a real journal, finds one of them, and stays live', async () => {
  const page = await scene.tab('/files')
  await page.getByText('100,001').first().waitFor()
  await file(page, 'scan-100000.pdf', 'Succeeded').waitFor()
  const rows = (): Promise<number> => page.getByRole('listitem').count()
  expect(await rows()).toBeLessThan(200)

  // Page after page comes as one scrolls; only what is seen is in the document.
  const scroller = page.locator('.scroller')
  const deepest = async (): Promise<number> => {
    await scroller.evaluate((box) => (box.scrollTop = box.scrollHeight))
    const names = await page.getByRole('listitem').getByText(/^scan-\d+\.pdf$/).allTextContents()
    return 100_000 - Math.min(...names.map((name) => Number(name.slice(5, 11))))
  }
  await expect.poll(deepest, { timeout: 60_000 }).toBeGreaterThan(3_000)
  expect(await rows()).toBeLessThan(200)

  await page.getByRole('searchbox').fill('the first of all')
  await file(page, 'the first of all.pdf', 'Succeeded').waitFor()
  await page.getByRole('searchbox').fill('scan-054321')
  await file(page, 'scan-054321.pdf', 'Succeeded').waitFor()
  await expect.poll(rows).toBe(1)
  await page.getByRole('searchbox').fill('')

  await scene.daemon.drop('receive', 'one more.pdf', pdf(1))
  await scroller.evaluate((box) => (box.scrollTop = 0))
  await file(page, 'one more.pdf', 'Succeeded').waitFor()
  expect(scene.complaints).toEqual([])
})
