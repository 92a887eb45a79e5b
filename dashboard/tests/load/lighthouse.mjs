// What Lighthouse says of the page on a running daemon (else on one made of numbers): performance, accessibility, best practices.
//
//   npm run lighthouse -- [address of the page]      exits with 1 where a score is below its floor
import lighthouse, { desktopConfig } from 'lighthouse'
import { chromium } from 'playwright-core'
import { openStage } from './stage.mjs'

const FLOORS = { performance: 0.9, accessibility: 1, 'best-practices': 1 }
const given = process.argv[2]
const stage = given === undefined ? await openStage({ perSecond: 20, ended: 1_000, running: 5 }) : undefined
const base = given ?? stage.base
const port = 9_222 + Math.floor(Math.random() * 20_000)
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', `--remote-debugging-port=${port}`] })
try {
  for (const path of (process.env.PATHS ?? '/ /files /pipelines /operations /drop /explain').split(' ')) {
    for (const form of ['mobile', 'desktop']) {
      // The page never rests: its stream stays open. So Lighthouse goes on as soon as the processor and the other requests do.
      const flags = { port, onlyCategories: Object.keys(FLOORS), output: 'json', maxWaitForLoad: 20_000, logLevel: 'silent' }
      const { lhr } = await lighthouse(base + path, flags, form === 'desktop' ? desktopConfig : undefined)
      const scores = Object.entries(lhr.categories).map(([id, { score }]) => ({ id, score: score ?? 0 }))
      console.log(`${path} ${form}: ${scores.map(({ id, score }) => `${id} ${Math.round(score * 100)}`).join(', ')} (first paint ${lhr.audits['first-contentful-paint'].displayValue}, largest ${lhr.audits['largest-contentful-paint'].displayValue}, blocked ${lhr.audits['total-blocking-time'].displayValue}, shift ${lhr.audits['cumulative-layout-shift'].displayValue})`)
      for (const { id, score } of scores) if (score < FLOORS[id]) process.exitCode = 1
      for (const [id, { auditRefs }] of Object.entries(lhr.categories)) {
        for (const audit of auditRefs.filter(({ weight }) => weight > 0).map((ref) => lhr.audits[ref.id])) {
          if (audit.score !== null && audit.score < 0.9) console.log(`  ${id}: ${audit.id}: ${audit.title} ${audit.displayValue ?? ''}${process.env.DETAILS ? ` ${JSON.stringify(audit.details?.items ?? []).slice(0, 1500)}` : ''}`)
        }
      }
      if (lhr.runtimeError) throw new Error(lhr.runtimeError.message)
    }
  }
} finally {
  await browser.close()
  await stage?.close()
}
