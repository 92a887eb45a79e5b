import { afterAll, beforeAll, expect, it } from 'vitest'
import { pdf } from './support/pdf'
import { file, Scene } from './support/scene'

let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ config: 'heartbeat_ms: 1000' })
})
afterAll(() => scene?.close())

it('feeds eight tabs by one stream, and ends it with the last of them', async () => {
  const tabs = [await scene.tab('/files'), await scene.tab('/files')]
  for (const path of ['/', '/drop', '/pipelines', '/operations', '/plugins', '/explain']) tabs.push(await scene.tab(path))
  expect(await scene.daemon.streams()).toBe(1)
  // Where nothing is asked for, what still speaks on the wire is the stream alone. (The pages ask for this and that now and then.)
  await expect.poll(() => scene.line.speaking(2000)).toBe(1)

  await scene.daemon.drop('receive', 'for both.pdf', pdf(1))
  for (const page of tabs.slice(0, 2)) await file(page, 'for both.pdf', 'Succeeded').waitFor()

  const [first, ...rest] = tabs
  await first?.close()
  await scene.daemon.drop('receive', 'after one closed.pdf', pdf(1))
  if (rest[0]) await file(rest[0], 'after one closed.pdf', 'Succeeded').waitFor()
  expect(await scene.daemon.streams()).toBe(1)
  for (const page of rest) await page.close()
  await expect.poll(() => scene.daemon.streams(), { timeout: 30_000 }).toBe(0)
})

it('feeds them by one stream where the browser has no shared workers, too, and another tab leads when the leader goes', async () => {
  await scene.context.addInitScript(() => Object.defineProperty(window, 'SharedWorker', { value: undefined }))
  const tabs = [await scene.tab('/files'), await scene.tab('/files'), await scene.tab('/')]
  expect(await tabs[0]?.evaluate(() => typeof SharedWorker)).toBe('undefined')
  await expect.poll(() => scene.daemon.streams()).toBe(1)
  for (let number = 0; tabs.length > 0; number += 1) {
    const name = `led ${number}.pdf`
    await scene.daemon.drop('receive', name, pdf(1))
    await scene.daemon.jobIn(name, 'succeeded')
    for (const page of tabs) {
      if (page.url().endsWith('/files')) await file(page, name, 'Succeeded').waitFor()
      await page.locator('.chip[data-phase=live]').waitFor()
    }
    // The overview shows no file by which one could see that the next leader has its stream.
    await expect.poll(() => scene.daemon.streams()).toBe(1)
    await tabs.shift()?.close()
  }
  await expect.poll(() => scene.daemon.streams(), { timeout: 30_000 }).toBe(0)
})
