// Opens the built page on a daemon made of numbers and tells how busy it was, as it is and with the processor four times slower, what it
// holds before and after, and how it is to scroll through 100,000 files.
//
//   npm run load -- [events a second] [seconds]      needs Chromium (CHROMIUM, else /usr/bin/chromium)
import { mib, openStage } from './stage.mjs'
import { summary, tasks, traced } from './trace.mjs'

const [perSecond = 2000, seconds = 30] = process.argv.slice(2).map(Number)
const stage = await openStage({ perSecond })
const { page, daemon } = stage
try {
  for (const [path, rate] of [['/', 1], ['/files', 1], ['/files', 4]]) {
    await stage.slow(rate)
    await page.goto(stage.base + path)
    await page.waitForTimeout(5_000)
    const [before, ended] = [await stage.holds(), daemon.done()]
    const all = tasks(await traced(page, () => page.waitForTimeout(seconds * 1000)))
    const after = await stage.holds()
    console.log(`${path}${rate > 1 ? `, processor ${rate} times slower` : ''}: ${perSecond} events/s for ${seconds} s, ${daemon.done() - ended} jobs ended; ${summary(all, seconds)}; heap ${mib(before.heap)} -> ${mib(after.heap)}, nodes ${before.nodes} -> ${after.nodes}`)
  }
  await stage.slow(1)
  const started = Date.now()
  const end = () => page.evaluate(() => { const box = document.querySelector('.scroller'); box.scrollTop = box.scrollHeight; return box.scrollHeight })
  let height = 0
  const all = tasks(
    await traced(page, async () => {
      while (Date.now() - started < 240_000) {
        height = await end()
        if (await page.evaluate(() => document.querySelector('.end')?.textContent?.includes('all'))) break
        await page.waitForTimeout(60)
      }
    }),
  )
  const seconds100k = (Date.now() - started) / 1000
  const { heap, nodes } = await stage.holds()
  console.log(`/files to its end: ${Math.round(height / 46)} rows in ${Math.round(seconds100k)} s; ${summary(all, seconds100k)}; heap ${mib(heap)}, nodes ${nodes}; streams ${daemon.streams()}`)
  if (stage.errors.length > 0) console.log(stage.errors)
} finally {
  await stage.close()
}
