import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

let scene: Scene
let page: Page
beforeAll(async () => {
  scene = await Scene.open({ config: 'heartbeat_ms: 1000' })
  page = await scene.tab('/files')
})
afterAll(() => scene?.close())

const phase = (wanted: RegExp): Promise<void> => expect.poll(() => page.locator('.chip').getAttribute('data-phase'), { timeout: 45_000 }).toMatch(wanted)
const row = (name: string, state?: string) => file(page, name, state)

it('says that it is not live while the daemon is dead, and is right again after its restart', async () => {
  await scene.daemon.drop('receive', 'before.pdf', pdf(2))
  await row('before.pdf', 'Succeeded').waitFor()
  await scene.daemon.drop('receive', 'during.pdf', pdf(1500))
  await row('during.pdf').waitFor()
  await scene.daemon.kill()
  await phase(/waiting|connecting/)
  await page.locator('.frame.stale').waitFor()
  await row('before.pdf', 'Succeeded').waitFor()

  await scene.daemon.run()
  await phase(/live/)
  await row('during.pdf', 'Succeeded').waitFor({ timeout: 60_000 })
  await agrees()
})

it('comes back by itself when the network was cut', async () => {
  scene.line.cut()
  await phase(/waiting|connecting/)
  await scene.daemon.drop('receive', 'unseen.pdf', pdf(1))
  await scene.daemon.jobIn('unseen.pdf', 'succeeded')
  scene.line.mend()
  await phase(/live/)
  await row('unseen.pdf', 'Succeeded').waitFor()
  await agrees()
})

it('shows a page that could not be loaded when the daemon is back, and no trace of it elsewhere', async () => {
  const broken = page.getByText('This page could not be shown')
  scene.line.cut()
  await phase(/waiting|connecting/)
  await page.getByRole('link', { name: 'Operations' }).click()
  await broken.waitFor()
  await page.getByText('The daemon cannot be reached.').waitFor()
  await page.getByRole('link', { name: 'Files', exact: true }).click()
  await broken.waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Operations' }).click()
  await broken.waitFor()
  scene.line.mend()
  await phase(/live/)
  await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor()
  expect(await page.locator('ul.grid').evaluate((grid) => getComputedStyle(grid).display)).toBe('grid')
  await page.getByRole('link', { name: 'Files', exact: true }).click()
  await agrees()
})

it('notices a line that stands but brings nothing', async () => {
  scene.line.hush()
  await phase(/waiting|connecting/)
  scene.line.cut()
  scene.line.mend()
  await phase(/live/)
  await agrees()
})

it('is right after every kill, at whatever moment', { timeout: 300_000 }, async () => {
  const kills = Number(process.env.DROPLEAF_TEST_KILLS ?? 3)
  for (let kill = 1; kill <= kills; kill += 1) {
    for (const n of [1, 2, 3]) await scene.daemon.drop('receive', `kill ${kill}.${n}.pdf`, pdf(n * 150))
    await new Promise((later) => setTimeout(later, Math.random() * 900))
    await scene.daemon.kill()
    await scene.daemon.run()
    for (const n of [1, 2, 3]) await scene.daemon.jobIn(`kill ${kill}.${n}.pdf`, 'succeeded')
    // After so many breaks the page waits up to 30 s between its tries; this is what a tab does that is looked at again.
    await page.evaluate(() => window.dispatchEvent(new Event('online')))
    await phase(/live/)
    const { jobs } = await scene.daemon.get<{ jobs: { id: string; rev: number; name: string }[] }>('jobs?limit=500')
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length)
    for (const n of [1, 2, 3]) await row(`kill ${kill}.${n}.pdf`, 'Succeeded').waitFor()
    await page.getByRole('button', { name: new RegExp(`^Succeeded ${jobs.length}$`) }).waitFor()
  }
})

/** What the page shows of each file is what the daemon says. */
async function agrees(): Promise<void> {
  const { jobs } = await scene.daemon.get<{ jobs: { name: string; state: string }[] }>('jobs?limit=100')
  const words: Record<string, string> = { succeeded: 'Succeeded', failed: 'Failed', running: 'Running', queued: 'Queued' }
  for (const job of jobs) await row(job.name, words[job.state] ?? job.state).waitFor()
  await expect.poll(() => page.getByRole('listitem').filter({ hasText: '.pdf' }).count()).toBe(jobs.length)
}
