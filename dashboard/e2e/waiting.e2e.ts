import { rename, rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

let scene: Scene
beforeAll(async () => {
  scene = await Scene.open()
})
afterAll(() => scene?.close())

it('lists what lies in a folder and is no job, with the reason, as it comes and goes', async () => {
  const page = await scene.tab('/waiting')
  await page.getByText('Nothing is left lying').waitFor()

  const whole = pdf(2)
  const half = await scene.daemon.drop('receive', 'half.pdf', whole.subarray(0, 700))
  const notes = await scene.daemon.drop('receive', 'notes.txt', Buffer.from('no PDF'))
  const entry = (name: string) => page.getByRole('list', { name: 'Files that are not taken yet' }).getByRole('listitem').filter({ hasText: name })
  await entry('notes.txt').getByText('no include pattern matches').waitFor()
  await entry('half.pdf').getByText('it is not complete').waitFor()

  await page.getByRole('button', { name: /^Ignored 1$/ }).click()
  await entry('half.pdf').waitFor({ state: 'detached' })
  await entry('notes.txt').getByRole('link', { name: /^Explain\s*: notes.txt/ }).click()
  await page.getByText('it is ignored').waitFor()
  await page.goBack()
  await page.getByRole('button', { name: /^All 2$/ }).click()

  // The rest arrives; the other goes.
  await scene.daemon.drop('receive', 'rest.pdf.tmp', whole)
  await rename(scene.daemon.path('inbox', 'receive', 'rest.pdf.tmp'), half)
  await rm(notes)
  await page.getByText('Nothing is left lying').waitFor({ timeout: 20_000 })
  await page.getByRole('navigation', { name: 'Pages' }).first().getByRole('link', { name: 'Files' }).click()
  await file(page, 'half.pdf', 'Succeeded').waitFor()
  expect(scene.complaints).toEqual([])
})

it('hears of what comes and goes by the feed alone, and asks nothing while nothing happens', async () => {
  const [overview, waiting] = [await scene.tab('/'), await scene.tab('/waiting')]
  const card = overview.getByRole('article', { name: 'receive' })
  const entry = waiting.getByRole('listitem').filter({ hasText: 'stray.txt' })
  const stray = await scene.daemon.drop('receive', 'stray.txt', Buffer.from('no PDF'))
  await Promise.all([card.getByText('1 ignored').waitFor(), entry.waitFor()])

  // Once the daemon has told all of its start, requests of all kinds but the one stream are counted.
  let asked: string[] = []
  let last = Date.now()
  for (const page of [overview, waiting])
    page.on('request', (request) => {
      last = Date.now()
      asked.push(new URL(request.url()).pathname)
    })
  await expect.poll(() => Date.now() - last, { timeout: 60_000 }).toBeGreaterThan(6_000)
  asked = []
  await overview.waitForTimeout(20_000)
  expect(asked).toEqual([])

  await rm(stray)
  await Promise.all([card.getByText('1 ignored').waitFor({ state: 'detached' }), entry.waitFor({ state: 'detached' })])
  expect(asked.filter((path) => path !== '/api/v1/files')).toEqual([])
  await Promise.all([overview.close(), waiting.close()])
})

it('says which folders it cannot see into', async () => {
  const page = await scene.tab('/waiting')
  await rename(scene.daemon.path('inbox', 'receive'), scene.daemon.path('inbox', 'elsewhere'))
  await page.getByText('The folder of receive is offline').waitFor({ timeout: 90_000 })
})
