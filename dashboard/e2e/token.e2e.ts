import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from './support/scene'

const token = 'a-token-that-is-long-enough'
let scene: Scene
beforeAll(async () => {
  scene = await Scene.open({ token: `"${token}"` })
})
afterAll(() => scene?.close())

it('asks for the token, says when it is wrong, and goes on with the right one, in every tab', async () => {
  const page = await scene.tab('/pipelines', false)
  const dialog = page.getByRole('dialog', { name: 'This daemon asks for its token' })
  await dialog.getByLabel('Token').fill('not the right token at all')
  await dialog.getByRole('button', { name: 'Continue' }).click()
  await dialog.getByText('That is not the token of this daemon').waitFor()
  await dialog.getByLabel('Token').fill(token)
  await dialog.getByRole('button', { name: 'Continue' }).click()
  await page.locator('.chip[data-phase=live]').waitFor()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('link', { name: /receive/ }).waitFor()

  const other = await scene.tab('/operations')
  await other.getByRole('link', { name: /stamp-text/ }).waitFor()
  const cookies = await scene.context.cookies()
  expect(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite])).toEqual([[true, 'Strict']])
  expect(await page.evaluate((secret) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(secret), token)).toBe(false)
})
