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
