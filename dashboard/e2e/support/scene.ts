// One test's stage: daemon, line, page and browser.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core'
import { Daemon } from './daemon'
import { Line } from './line'

const BROWSERS = [process.env.DROPLEAF_BROWSER, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export interface Options {
  pipelines?: Record<string, string>
  config?: string
  token?: string
  /** Where the daemon lives; must not exist. */
  home?: string
}

/** What stands between inbox and outbox in most tests. */
export const receive = `description: Stamp and shrink incoming scans
watch:
  folder: inbox/receive
steps:
  - uses: repair
  - uses: stamp-text
    if: not pdf.signed
    with: { text: "Page {{ page }} of {{ pages }}", position: top-right }
  - uses: optimize
    continue_on_error: true
`

export class Scene {
  readonly daemon: Daemon
  readonly line: Line
  readonly url: string
  readonly context: BrowserContext
  /** What the pages wrote to the console as errors, and threw. */
  readonly complaints: string[] = []
  private readonly browser: Browser
  private readonly server: ChildProcess | undefined

  private constructor(daemon: Daemon, line: Line, browser: Browser, context: BrowserContext, server: ChildProcess | undefined) {
    this.daemon = daemon
    this.line = line
    this.url = `http://127.0.0.1:${line.port}`
    this.browser = browser
    this.context = context
    this.server = server
    context.on('page', (page) => this.hear(page))
  }
  static async open(options: Options = {}): Promise<Scene> {
    const daemon = await Daemon.start({ pipelines: { receive }, ...options })
    const { port, server } = await page(daemon)
    const line = await Line.to(port)
    const executablePath = BROWSERS.find((path) => path !== undefined && existsSync(path))
    if (executablePath === undefined) throw new Error('no Chromium: set DROPLEAF_BROWSER')
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--force-color-profile=srgb'] })
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, locale: 'en-GB' })
    context.setDefaultTimeout(20_000)
    // What the policy refuses is told with the element that it is about.
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective, sourceFile, lineNumber, target }) => {
        // Chromium styles the lines that it joins while CodeMirror's text is edited; CodeMirror draws them anew.
        if (target instanceof Element && target.closest('.cm-content')) return
        console.error('policy', effectiveDirective, sourceFile, lineNumber, target instanceof Element ? target.outerHTML.slice(0, 200) : '')
      })
    })
    return new Scene(daemon, line, browser, context, server)
  }
  private hear(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('console', (message) => {
      // Answers that are refusals are part of many tests, and told of in the page; the policy has a word of its own below.
      if (message.type() === 'error' && !/^(Failed to load resource|Applying inline style)/.test(message.text())) this.complaints.push(message.text())
    })
  }
  /** A tab on a page of the dashboard, once it is live. */
  async tab(path = '/', live = true): Promise<Page> {
    const page = await this.context.newPage()
    await page.goto(this.url + path)
    if (live) await page.locator('.chip[data-phase=live]').waitFor()
    return page
  }
  async close(): Promise<void> {
    await this.browser.close()
    this.line.close()
    this.server?.kill()
    await this.daemon.close()
  }
}

/** The daemon's own page; where its program was built without, or DROPLEAF_DIST names another, that one served in the same way. */
async function page(daemon: Daemon): Promise<{ port: number; server: ChildProcess | undefined }> {
  const own = await (await fetch(`${daemon.url}/`)).text()
  if (own.includes('id="app"') && process.env.DROPLEAF_DIST === undefined) return { port: daemon.port, server: undefined }
  const server = spawn(process.execPath, [fileURLToPath(new URL('../../scripts/serve.mjs', import.meta.url))], {
    env: { ...process.env, DROPLEAF_URL: daemon.url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.once('exit', () => reject(new Error('the page server ended')))
    server.stdout?.once('data', (line: Buffer) => resolve(Number(new URL(line.toString().trim()).port)))
  })
  return { port, server }
}

/** A file in the list, in the state that it is shown in. */
export function file(page: Page, name: string, state = ''): Locator {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return page.getByRole('listitem').getByRole('link', { name: new RegExp(`^${state}.*\\b${escaped}`) })
}
