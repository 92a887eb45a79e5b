// Opens the built page on a daemon made of numbers and tells how busy it was: long tasks, frames, heap at the start and the end.
//
//   npm run load -- [events a second] [seconds]      needs Chromium (CHROMIUM, else /usr/bin/chromium)
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { startDaemon } from './daemon.mjs'

const [perSecond = 2000, seconds = 30] = process.argv.slice(2).map(Number)
const daemon = await startDaemon({ perSecond })
const server = spawn(process.execPath, [fileURLToPath(new URL('../../scripts/serve.mjs', import.meta.url))], { env: { ...process.env, DROPLEAF_URL: daemon.url, PORT: '0' } })
const base = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())))
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--js-flags=--expose-gc'],
})
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const errors = []
  page.on('pageerror', (error) => errors.push(error.message))
  await page.addInitScript(() => {
    window.watched = { tasks: [], frames: 0 }
    new PerformanceObserver((list) => window.watched.tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)))).observe({ entryTypes: ['longtask'] })
    const frame = () => {
      window.watched.frames += 1
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
  const heap = () =>
    page.evaluate(() => {
      window.gc?.()
      return Math.round(performance.memory.usedJSHeapSize / 1024 / 1024)
    })
  for (const path of ['/', '/files']) {
    await page.goto(base + path)
    await page.waitForTimeout(5_000)
    const before = await heap()
    await page.evaluate(() => Object.assign(window.watched, { tasks: [], frames: 0 }))
    await page.waitForTimeout(seconds * 1000)
    const { tasks, frames } = await page.evaluate(() => window.watched)
    console.log(`${path}: ${perSecond} events/s for ${seconds} s, ${daemon.done()} jobs ended; ${Math.round(frames / seconds)} frames/s; long tasks: ${tasks.length}, longest ${Math.max(0, ...tasks)} ms; heap ${before} -> ${await heap()} MiB; nodes ${await page.evaluate(() => document.querySelectorAll('*').length)}`)
  }
  // Down through 100,000 files.
  await page.evaluate(() => Object.assign(window.watched, { tasks: [], frames: 0 }))
  const started = Date.now()
  const end = () => page.evaluate(() => { const box = document.querySelector('.scroller'); box.scrollTop = box.scrollHeight; return box.scrollHeight })
  let height = 0
  while (Date.now() - started < 120_000) {
    height = await end()
    if (await page.evaluate(() => document.querySelector('.end')?.textContent?.includes('all'))) break
    await page.waitForTimeout(60)
  }
  const { tasks } = await page.evaluate(() => window.watched)
  console.log(`/files to its end: ${Math.round(height / 46)} rows in ${Math.round((Date.now() - started) / 1000)} s; long tasks: ${tasks.length}, longest ${Math.max(0, ...tasks)} ms; heap ${await heap()} MiB; nodes ${await page.evaluate(() => document.querySelectorAll('*').length)}; streams ${daemon.streams()}`)
  if (errors.length > 0) console.log(errors)
} finally {
  await browser.close()
  server.kill()
  daemon.close()
}
