import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from './support/daemon'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

const cut = (pages: string): string => `watch:\n  folder: inbox/cut\nsteps:\n  - uses: extract-pages\n    with: { pages: "${pages}" }\n`

let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ pipelines: { cut: cut('5-6') } })
})
afterAll(() => scene?.close())

it('tells why a file failed, explains it, and does it again once the pipeline is mended', async () => {
  const page = await scene.tab('/files?state=failed')
  await scene.daemon.drop('cut', 'short.pdf', pdf(2))
  await file(page, 'short.pdf', 'Failed').click()
  await page.getByRole('alert').getByText(/page/).first().waitFor()

  await page.getByRole('main').getByRole('link', { name: 'Explain' }).click()
  const chain = page.getByRole('main').getByRole('listitem')
  await chain.filter({ hasText: 'took a file from this path' }).waitFor()
  await chain.filter({ hasText: 'it failed in step extract-pages' }).waitFor()
  await page.getByRole('link', { name: 'Open the file’s page' }).click()

  const { revision } = await scene.daemon.get<{ revision: string }>('pipelines/cut')
  await scene.daemon.writePipeline('cut', cut('1'))
  await until('the new revision', async () => (await scene.daemon.get<{ revision: string }>('pipelines/cut')).revision !== revision)
  await page.getByRole('button', { name: 'Retry' }).click()
  await page.getByRole('heading', { name: /short\.pdf/ }).getByText('Succeeded').waitFor()
  expect((await scene.daemon.jobIn('short.pdf', 'succeeded')).attempts).toBe(2)
  expect(scene.complaints).toEqual([])
})

it('does all that failed again at once, and cancels all that waits', async () => {
  const { revision } = await scene.daemon.get<{ revision: string }>('pipelines/cut')
  const changed = (before: string) => until('the new revision', async () => (await scene.daemon.get<{ revision: string }>('pipelines/cut')).revision !== before)
  await scene.daemon.writePipeline('cut', cut('7-8'))
  await changed(revision)
  const page = await scene.tab('/files?state=failed')
  const retry = page.getByRole('main').getByRole('button', { name: 'Retry all' })
  const dialog = page.getByRole('dialog')
  for (const name of ['p.pdf', 'q.pdf', 'r.pdf']) {
    await scene.daemon.drop('cut', name, pdf(3))
    await file(page, name, 'Failed').waitFor()
  }
  const broken = (await scene.daemon.get<{ revision: string }>('pipelines/cut')).revision
  await scene.daemon.writePipeline('cut', cut('1'))
  await changed(broken)
  await retry.click()
  await dialog.getByText('Retry 3 files?').waitFor()
  await dialog.getByRole('button', { name: 'Retry all' }).click()
  await page.getByText('3 files are in the queue again').waitFor()
  for (const name of ['p.pdf', 'q.pdf', 'r.pdf']) await scene.daemon.jobIn(name, 'succeeded')
  await expect.poll(() => retry.count()).toBe(0)

  await scene.daemon.post('pipelines/cut/pause')
  await scene.daemon.drop('cut', 'stays.pdf', pdf(1))
  await page.getByRole('button', { name: /^On their way/ }).click()
  await file(page, 'stays.pdf', 'Queued').waitFor()
  await page.getByRole('button', { name: 'Cancel all' }).click()
  await dialog.getByRole('button', { name: 'Cancel all' }).click()
  await scene.daemon.jobIn('stays.pdf', 'cancelled')
  await scene.daemon.post('pipelines/cut/resume')
  expect(scene.complaints).toEqual([])
})

it('explains files that never came, and paths that are none of its business', async () => {
  const page = await scene.tab('/explain')
  await page.getByRole('textbox', { name: 'Path of the file' }).fill('inbox/cut/absent.pdf')
  await page.keyboard.press('Enter')
  await page.getByText('there is no such file').waitFor()
  await page.getByRole('textbox', { name: 'Path of the file' }).fill('/etc/hostname')
  await page.keyboard.press('Enter')
  await page.getByText('is in no watched folder').waitFor()
  expect(new URL(page.url()).searchParams.get('path')).toBe('/etc/hostname')
})

it('pauses a pipeline with a reason that is typed at once, and goes on', async () => {
  const page = await scene.tab('/')
  await page.getByRole('button', { name: 'Actions for cut' }).click()
  await page.getByRole('menuitem', { name: /^Pause/ }).click()
  await page.getByRole('dialog', { name: 'Pause cut?' }).waitFor()
  await page.keyboard.type('the printer is out of paper')
  await page.keyboard.press('Enter')
  await page.getByRole('main').getByText('the printer is out of paper').waitFor()
  await page.getByRole('button', { name: 'Resume' }).first().click()
  await expect.poll(() => page.getByText('the printer is out of paper').count()).toBe(0)
  // From here to the list and back, as one does.
  await page.getByRole('navigation').getByRole('link', { name: 'Files' }).first().click()
  await file(page, 'short.pdf').first().waitFor()
  await page.getByRole('navigation').getByRole('link', { name: 'Overview' }).first().click()
  await page.getByRole('button', { name: 'Actions for cut' }).waitFor()
  expect(await page.getByText('Something went wrong').count()).toBe(0)
  expect(scene.complaints).toEqual([])
})
