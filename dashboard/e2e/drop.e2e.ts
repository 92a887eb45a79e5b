import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

let scene: Scene
beforeAll(async () => {
  scene = await Scene.open()
})
afterAll(() => scene?.close())

it('takes a file that is handed over, shows how far it is, what became of it, and gives it back', async () => {
  const page = await scene.tab('/drop?pipeline=receive')
  await page.locator('input[type=file]').first().setInputFiles({ name: 'handed over.pdf', mimeType: 'application/pdf', buffer: pdf(1200, 'handed over') })
  const link = page.getByRole('link', { name: /Open/ }).first()
  await link.waitFor()
  await link.click()

  const bar = page.getByRole('progressbar', { name: 'Progress of handed over.pdf' })
  await bar.waitFor()
  await expect.poll(() => bar.getAttribute('aria-valuetext'), { timeout: 20_000 }).toMatch(/\d/)
  await page.getByRole('heading', { name: /handed over\.pdf/ }).getByText('Succeeded').waitFor({ timeout: 60_000 })

  await page.getByRole('button', { name: /Preview\s*: handed over\.pdf/ }).first().click()
  const canvas = page.locator('canvas').first()
  await canvas.waitFor()
  await page.getByText('of 1,200').waitFor()
  const inked = (): Promise<boolean> =>
    canvas.evaluate((element) => {
      const { width, height } = element as HTMLCanvasElement
      const pixels = (element as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data ?? []
      return pixels.some((value, index) => index % 4 !== 3 && value < 128)
    })
  await expect.poll(inked, { timeout: 20_000 }).toBe(true)

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /Download\s*: handed over\.pdf/ }).first().click()])
  const bytes = await readFile(await download.path())
  expect(bytes.subarray(0, 5).toString()).toBe('%PDF-')
  const job = await scene.daemon.jobIn('handed over.pdf', 'succeeded')
  const { artifacts } = await scene.daemon.get<{ artifacts: { size: number }[] }>(`jobs/${job.id}`)
  expect([artifacts[0]?.size, (await scene.daemon.get<{ input: { size: number } }>(`jobs/${job.id}`)).input.size]).toContain(bytes.length)
  expect(scene.complaints).toEqual([])
})

it('shows a file that is put into the folder, without a reload', async () => {
  const page = await scene.tab('/files')
  await scene.daemon.drop('receive', 'scanned.pdf', pdf(3))
  await file(page, 'scanned.pdf', 'Succeeded').waitFor()
  await page.goto(`${scene.url}/`)
  await page.getByRole('region', { name: 'Files' }).getByRole('link', { name: /^2\s*Succeeded/ }).waitFor()
  expect(scene.complaints).toEqual([])
})

it('takes files and a folder that are dragged onto it, and says of each what became of it', async () => {
  const page = await scene.tab('/drop?pipeline=receive')
  const given = await mkdtemp(join(tmpdir(), 'dropleaf-drag-'))
  await mkdir(join(given, 'letters', 'old'), { recursive: true })
  await writeFile(join(given, 'alone.pdf'), pdf(1))
  await writeFile(join(given, 'letters', 'first.pdf'), pdf(2))
  await writeFile(join(given, 'letters', 'old', 'second.pdf'), pdf(3))
  await writeFile(join(given, 'letters', 'empty.pdf'), '')
  await writeFile(join(given, 'letters', 'fake.pdf'), 'no PDF at all')

  // As the system's file manager does it, folders included: a script cannot make such an event.
  const box = await page.locator('.zone').boundingBox()
  if (box === null) throw new Error('there is no zone to drop on')
  const client = await page.context().newCDPSession(page)
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
  const data = { items: [], files: [join(given, 'alone.pdf'), join(given, 'letters')], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await client.send('Input.dispatchDragEvent', { type, x, y, data })

  for (const name of ['alone.pdf', 'first.pdf', 'second.pdf']) await scene.daemon.jobIn(name, 'succeeded')
  const row = (name: string): Locator => page.getByRole('listitem').filter({ hasText: name })
  await row('empty.pdf').getByText(/empty/).first().waitFor()
  await scene.daemon.jobIn('fake.pdf', 'failed')
  await row('fake.pdf').getByText(/not a PDF/i).first().waitFor()
  expect(scene.complaints).toEqual([])
  await rm(given, { recursive: true })
})

it('stays the page where a file is dropped on nothing', async () => {
  const given = await mkdtemp(join(tmpdir(), 'dropleaf-stray-'))
  await writeFile(join(given, 'stray.pdf'), pdf(1))
  for (const path of ['/files', '/pipelines/receive']) {
    const page = await scene.tab(path)
    const client = await page.context().newCDPSession(page)
    const data = { items: [], files: [join(given, 'stray.pdf')], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await client.send('Input.dispatchDragEvent', { type, x: 300, y: 12, data })
    // The page answers, and the browser has nothing else on its way.
    await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor()
    expect([new URL(page.url()).pathname, page.context().pages().some((one) => one.url().startsWith('file:'))]).toEqual([path, false])
  }
  await rm(given, { recursive: true })
})
