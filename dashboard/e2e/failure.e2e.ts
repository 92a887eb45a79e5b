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
