// A daemon of strings: each connection is a stream that the test writes to.
import type { StreamWorld } from '@/feed/stream'

export interface Line {
  url: string
  headers: Record<string, string>
  aborted: boolean
  write(text: string): Promise<void>
  event(name: string, data: unknown, id?: string): Promise<void>
  end(): Promise<void>
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

/** Answers each request for the feed with the next of `answers`; `stream` opens a line. */
export class FakeDaemon {
  readonly lines: Line[] = []
  readonly asked: string[] = []
  answers: (Response | 'stream' | 'down')[] = []
  jobs: Record<string, unknown> = {}

  readonly world: Partial<StreamWorld> = {
    random: () => 0.5,
    now: () => Date.now(),
    fetch: (url, init) => this.answer(url, init),
  }

  private async answer(url: string, init: RequestInit): Promise<Response> {
    if (!url.endsWith('/events')) {
      this.asked.push(url)
      const job = this.jobs[url.slice(url.lastIndexOf('/') + 1)]
      return job === undefined ? new Response('', { status: 404 }) : Response.json(job)
    }
    const next = this.answers.shift() ?? 'stream'
    if (next === 'down') throw new TypeError('failed to fetch')
    return next === 'stream' ? this.open(url, init) : next
  }

  private open(url: string, init: RequestInit): Response {
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) })
    const write = async (text: string): Promise<void> => {
      controller.enqueue(new TextEncoder().encode(text))
      await settle()
    }
    const line: Line = {
      url,
      headers: init.headers as Record<string, string>,
      aborted: false,
      write,
      event: (name, data, id) => write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`),
      end: async () => {
        controller.close()
        await settle()
      },
    }
    init.signal?.addEventListener('abort', () => {
      line.aborted = true
      try {
        controller.error(new DOMException('aborted', 'AbortError'))
      } catch {
        // It has ended already.
      }
    })
    this.lines.push(line)
    return new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  }

  get last(): Line {
    const line = this.lines.at(-1)
    if (!line) throw new Error('nobody connected')
    return line
  }
}

export const settled = settle

export const hello = (cursor = 'ab-1', more: object = {}): object => ({ protocol: 1, epoch: 'ab', cursor, resumed: false, replayed: 0, heartbeatMs: 15_000, build: '0.1.0', uiBuild: 'x', connection: 'c', topics: ['everything'], ...more })

export function job(id: string, more: object = {}): Record<string, unknown> {
  return {
    id, rev: 1, pipeline: 'receive', revision: 'r1', name: `${id}.pdf`, path: `/in/${id}.pdf`, relative: `${id}.pdf`, origin: 'watch', state: 'queued',
    since: '2026-01-01T00:00:00.000Z', createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z', attempts: 0, priority: 0, queuedMs: 0, ranMs: 0,
    steps: [{ id: 'stamp', uses: 'stamp/stamp-text', status: 'pending', ms: 0 }], warnings: [], problem: null, artifacts: [],
    input: { size: 10, blake3: null, href: '/x' }, plugins: [], sandbox: null, parses: 0, saves: 0, pagesIn: 0, pagesOut: 0, peakKib: 0, cpuMs: 0,
    links: { self: '', events: '', log: '', pipeline: '' }, ...more,
  }
}

export function snapshot(jobs: object[] = [], more: object = {}): object {
  const counters: Record<string, number> = {}
  for (const { state } of jobs as { state: string }[]) counters[state] = (counters[state] ?? 0) + 1
  return {
    seq: 1, cursor: 'ab-1', jobs, moreJobs: false, counters,
    pipelines: [{ id: 'receive', rev: 1, updatedAt: '2026-01-01T00:00:00.000Z', revision: 'r1', state: 'active', faults: [], folder: null, jobs: { ...counters } }],
    ...more,
  }
}
