// An hour's load in a few minutes, and what the page holds before and after it: it must not grow.
//
//   npm run soak -- [events a second of the hour] [minutes]      exits with 1 where the page or its worker has grown
import { mib, openStage } from './stage.mjs'

const [perSecond = 2000, minutes = 5] = process.argv.slice(2).map(Number)
/** What may come and go between two looks: code that was optimised, caches of the browser. */
const SLACK = { heap: 1.5 * 1024 * 1024, nodes: 200, listeners: 60 }

const wanted = perSecond * 3600
const stage = await openStage({ perSecond: (perSecond * 60) / minutes })
const { page, daemon } = stage
const menu = (name) => page.locator('.side nav').getByRole('link', { name, exact: true }).click()

/** Through the pages as somebody does who looks around. */
async function round() {
  await menu('Files')
  await page.locator('.line a').nth(3).evaluate((link) => link.click())
  await page.waitForURL(/\/files\/./)
  await page.locator('.summary').waitFor()
  await page.goBack()
  await page.locator('.scroller').evaluate((box) => box.scrollTo({ top: 9_000 }))
  for (const name of ['Overview', 'Drop here', 'Explain', 'Files']) {
    await menu(name)
    await page.waitForTimeout(400)
  }
  await page.locator('.scroller').evaluate((box) => box.scrollTo({ top: 0 }))
}
/** The same sight each time: the list of files from its top, nothing moving, its end just let go of (it has 1,000 to 2,000 rows of 46 px). */
async function look() {
  await menu('Files')
  await page.locator('.scroller').evaluate((box) => box.scrollTo({ top: 0 }))
  await page.waitForTimeout(3_000)
  await page.waitForFunction(() => document.querySelector('.rows').clientHeight < 1_400 * 46)
  daemon.pause(true)
  await page.waitForTimeout(3_000)
  const held = { ...(await stage.holds()), worker: await stage.workerHolds(), rows: await page.locator('.line').count() }
  daemon.pause(false)
  return held
}

try {
  await page.goto(`${stage.base}/files`)
  await page.locator('.line').first().waitFor()
  // Everything has been opened once, and the list has grown to where it lets go of its end.
  for (let turn = 0; turn < 3; turn += 1) await round()
  await page.waitForTimeout(10_000)
  const before = await look()
  const [began, from, ended] = [Date.now(), daemon.sent(), daemon.done()]
  let rounds = 0
  while (daemon.sent() - from < wanted && Date.now() - began < minutes * 120_000) {
    await page.waitForTimeout(8_000)
    if (rounds % 3 === 0) await round()
    rounds += 1
  }
  const [sent, seconds] = [daemon.sent() - from, (Date.now() - began) / 1000]
  const after = await look()
  const tell = ({ heap, worker, nodes, listeners, rows }) => `page ${mib(heap)}, worker ${mib(worker)}, ${nodes} nodes (${rows} rows), ${listeners} listeners`
  console.log(`${sent.toLocaleString('en')} events in ${Math.round(seconds)} s, ${(daemon.done() - ended).toLocaleString('en')} jobs ended (an hour at ${perSecond}/s has ${wanted.toLocaleString('en')} events)`)
  console.log(`before: ${tell(before)}\nafter:  ${tell(after)}`)
  const grown = [
    ...['heap', 'nodes', 'listeners'].filter((what) => after[what] > before[what] + SLACK[what]),
    ...(after.worker > before.worker + SLACK.heap ? ['worker'] : []),
  ]
  if (grown.length > 0 || stage.errors.length > 0) {
    console.log(`grown: ${grown.join(', ') || 'nothing'}; errors: ${stage.errors.join('; ') || 'none'}`)
    process.exitCode = 1
  }
} finally {
  await stage.close()
}
