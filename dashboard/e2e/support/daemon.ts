// The real daemon with the real plugins, in a home of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROGRAM = process.env.DROPLEAF_PROGRAM ?? fileURLToPath(new URL('../../../target/debug/dropleaf', import.meta.url))
const PLUGINS = process.env.DROPLEAF_TEST_PLUGINS ?? dirname(PROGRAM)
/** The plugin that misbehaves on purpose is for other tests. */
const LIBRARY = /^libdropleaf_plugin_(?!faulty).*\.(so|dylib)$/

export interface Job {
  id: string
  name: string
  state: string
  rev: number
  path: string
  attempts: number
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, ms = 30_000): Promise<T> {
  const deadline = Date.now() + ms
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const found = await ask()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    await new Promise((later) => setTimeout(later, 50))
  }
  throw new Error(`waited in vain for: ${what}${last === undefined ? '' : ` (${String(last)})`}`)
}

export class Daemon {
  readonly home: string
  readonly port: number
  private readonly token: string | undefined
  private child: ChildProcess | undefined
  private log = ''

  private constructor(home: string, port: number, token: string | undefined) {
    this.home = home
    this.port = port
    this.token = token
  }
  /** A daemon with these pipelines; they watch `inbox/<id>` unless they say otherwise. */
  static async start(options: { pipelines: Record<string, string>; config?: string; token?: string; home?: string }): Promise<Daemon> {
    if (options.home !== undefined) await mkdir(options.home)
    const daemon = new Daemon(options.home ?? (await mkdtemp(join(tmpdir(), 'dropleaf-e2e-'))), await freePort(), options.token)
    for (const folder of ['pipelines', 'plugins', 'inbox']) await mkdir(join(daemon.home, folder))
    const libraries = (await readdir(PLUGINS)).filter((name) => LIBRARY.test(name))
    if (libraries.length === 0) throw new Error(`no plugins in ${PLUGINS}: build the workspace, or set DROPLEAF_TEST_PLUGINS`)
    for (const name of libraries) await copyFile(join(PLUGINS, name), join(daemon.home, 'plugins', name))
    await writeFile(join(daemon.home, 'config.yaml'), `${options.config ?? ''}\n${options.token === undefined ? '' : `token: ${options.token}\n`}`)
    for (const [id, yaml] of Object.entries(options.pipelines)) await daemon.writePipeline(id, yaml)
    try {
      await daemon.run()
    } catch (error) {
      await daemon.close()
      throw error
    }
    return daemon
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }
  async run(): Promise<void> {
    const child = spawn(PROGRAM, ['--home', this.home, 'serve', '--listen', `127.0.0.1:${this.port}`], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    child.stdout.on('data', (bytes: Buffer) => (this.log += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (this.log += bytes.toString()))
    await until('the daemon to be ready', async () => child.exitCode !== null || (await fetch(`${this.url}/readyz`)).ok)
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}:\n${this.log}`)
  }
  /** `kill -9`: no farewell. */
  kill(): Promise<void> {
    return this.end('SIGKILL')
  }
  /** As a service manager ends it. */
  stop(): Promise<void> {
    return this.end('SIGTERM')
  }
  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    await ended
  }
  async close(): Promise<void> {
    await this.kill()
    await rm(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  path(...parts: string[]): string {
    return join(this.home, ...parts)
  }
  async writePipeline(id: string, yaml: string): Promise<void> {
    const hidden = this.path('pipelines', `.${id}.tmp`)
    await writeFile(hidden, yaml)
    await rename(hidden, this.path('pipelines', `${id}.yaml`))
  }
  readPipeline(id: string): Promise<string> {
    return readFile(this.path('pipelines', `${id}.yaml`), 'utf8')
  }
  /** Puts a file into an inbox in one move, as a careful program does. */
  async drop(folder: string, name: string, bytes: Buffer): Promise<string> {
    const place = this.path('inbox', folder, name)
    await mkdir(dirname(place), { recursive: true })
    const hidden = this.path('inbox', folder, `.${name}.tmp`)
    await writeFile(hidden, bytes)
    await rename(hidden, place)
    return place
  }
  private async ask(path: string, options: RequestInit = {}): Promise<Response> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, { ...options, headers: this.token === undefined ? {} : { authorization: `Bearer ${this.token}` } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
    return answer
  }
  async get<T>(path: string): Promise<T> {
    return (await (await this.ask(path)).json()) as T
  }
  async post(path: string): Promise<void> {
    await this.ask(path, { method: 'POST' })
  }
  async job(name: string): Promise<Job | undefined> {
    const page = await this.get<{ jobs: Job[] }>('jobs?limit=100')
    return page.jobs.find((job) => job.name === name)
  }
  jobIn(name: string, state: string): Promise<Job> {
    return until(`${name} to be ${state}`, async () => {
      const job = await this.job(name)
      return job?.state === state ? job : undefined
    }, 60_000)
  }
  /** How many feeds are open, by the daemon's own count. */
  async streams(): Promise<number> {
    const text = await (await fetch(`${this.url}/api/v1/metrics`)).text()
    return Number(/^dropleaf_feed_streams (\d+)$/m.exec(text)?.[1])
  }
}
