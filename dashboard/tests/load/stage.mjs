// The built page in Chromium, on a daemon made of numbers.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { startDaemon } from './daemon.mjs'

/** @returns the daemon, a page, what it threw, and how to end it all. */
export async function openStage(options) {
  const daemon = await startDaemon(options)
  const server = spawn(process.execPath, [fileURLToPath(new URL('../../scripts/serve.mjs', import.meta.url))], { env: { ...process.env, DROPLEAF_URL: daemon.url, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const base = await new Promise((resolve) => server.stdout.once('data', (line) => resolve(String(line).trim())))
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  const errors = []
  page.on('pageerror', (error) => errors.push(error.message))
  const session = await page.context().newCDPSession(page)
  return {
    daemon,
    base,
    page,
    errors,
    /** Makes the processor so many times slower for the page. */
    slow: (rate) => session.send('Emulation.setCPUThrottlingRate', { rate }),
    /** What the page holds once all rubbish is collected. */
    async holds() {
      await session.send('HeapProfiler.enable')
      for (let turn = 0; turn < 3; turn += 1) await session.send('HeapProfiler.collectGarbage')
      await session.send('HeapProfiler.disable')
      const { usedSize } = await session.send('Runtime.getHeapUsage')
      const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters')
      return { heap: usedSize, nodes, listeners: jsEventListeners }
    },
    /** What the worker that holds the stream holds, likewise. */
    async workerHolds() {
      const whole = await browser.newBrowserCDPSession()
      const { targetInfos } = await whole.send('Target.getTargets')
      const { targetId } = targetInfos.find(({ type }) => type === 'shared_worker')
      const { sessionId } = await whole.send('Target.attachToTarget', { targetId, flatten: false })
      const ask = (id, method) =>
        new Promise((resolve) => {
          const hear = ({ message }) => {
            const answer = JSON.parse(message)
            if (answer.id !== id) return
            whole.off('Target.receivedMessageFromTarget', hear)
            resolve(answer.result)
          }
          whole.on('Target.receivedMessageFromTarget', hear)
          void whole.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) })
        })
      await ask(1, 'HeapProfiler.enable')
      for (let turn = 2; turn < 5; turn += 1) await ask(turn, 'HeapProfiler.collectGarbage')
      const { usedSize } = await ask(5, 'Runtime.getHeapUsage')
      await whole.detach()
      return usedSize
    },
    async close() {
      await browser.close()
      server.kill()
      daemon.close()
    },
  }
}

export const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
