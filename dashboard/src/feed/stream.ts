// One connection to `/api/v1/events` that always comes back: with its place, after a growing random pause, at once when asked.
//
// `EventSource` gives up for good on any status but 200 and tells neither status nor headers, so this reads the stream itself.
// The rules are those of docs/http.md, "Feeds".
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { FeedStatus, Phase } from './types'

/** The longest pause between two tries. */
export const MAX_DELAY_MS = 30_000
/** A connection that lived this long was a good one: the next pause is short again. */
const STABLE_MS = 10_000
const MIN_BASE_MS = 500
const DEFAULT_RETRY_MS = 2_000
const DEFAULT_HEARTBEAT_MS = 15_000
/** So many heartbeats may be missed before the line counts as dead. */
const MISSED_HEARTBEATS = 2.5
/** What a `ping` knows more than we do may still be on its way; after this long it is lost. */
const LATE_MS = 2_000

export interface StreamHooks {
  /** One event, its JSON not yet read. */
  onEvent(event: string, data: string, id: string | undefined): void
  onStatus(change: Partial<FeedStatus>): void
}

/** What a test replaces. */
export interface StreamWorld {
  fetch(url: string, init: RequestInit): Promise<Response>
  random(): number
  now(): number
}

const world: StreamWorld = {
  fetch: (url, init) => fetch(url, init),
  random: () => Math.random(),
  now: () => Date.now(),
}

/** A cursor's parts: `<epoch>-<seq>`. */
export function parseCursor(id: string): { epoch: string; seq: number } | undefined {
  const match = /^([0-9a-f]+)-(\d+)$/.exec(id)
  return match?.[1] && match[2] ? { epoch: match[1], seq: Number(match[2]) } : undefined
}

export class FeedStream {
  /** The last durable event. */
  private cursor: string | undefined
  private attempt = 0
  private retryMs = DEFAULT_RETRY_MS
  private heartbeatMs = DEFAULT_HEARTBEAT_MS
  /** Set by `shutdown`: the daemon says when to come back. */
  private askedDelay: number | undefined
  private phase: Phase = 'closed'
  private abort: AbortController | undefined
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private watchdog: ReturnType<typeof setTimeout> | undefined
  private lateTimer: ReturnType<typeof setTimeout> | undefined
  private readonly hooks: StreamHooks
  private readonly world: StreamWorld

  constructor(hooks: StreamHooks, replaced: Partial<StreamWorld> = {}) {
    this.hooks = hooks
    this.world = { ...world, ...replaced }
  }

  /** Opens the stream unless it is open. */
  start(): void {
    if (this.phase === 'closed') this.connect()
  }

  /** Ends it; `start` goes on from the same place. */
  stop(): void {
    this.drop()
    this.set('closed')
  }

  /** Tries at once where it waits; a living stream is left alone. */
  reconnect(): void {
    if (this.phase === 'live' || this.phase === 'connecting' || this.phase === 'closed') return
    this.attempt = 0
    this.drop()
    this.connect()
  }

  /** Asks for a fresh snapshot. */
  resync(): void {
    this.cursor = undefined
    if (this.phase === 'closed') return
    this.drop()
    this.connect()
  }

  private set(phase: Phase, more: Partial<FeedStatus> = {}): void {
    this.phase = phase
    this.hooks.onStatus({ phase, retryAt: undefined, reason: undefined, ...more })
  }

  private drop(): void {
    this.abort?.abort()
    this.abort = undefined
    clearTimeout(this.retryTimer)
    clearTimeout(this.watchdog)
    clearTimeout(this.lateTimer)
    this.lateTimer = undefined
  }

  private connect(): void {
    this.set('connecting')
    this.askedDelay = undefined
    const abort = new AbortController()
    this.abort = abort
    this.guard(abort)
    void this.read(abort)
  }

  private async read(abort: AbortController): Promise<void> {
    const opened = this.world.now()
    let reason: string
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' }
      if (this.cursor !== undefined) headers['Last-Event-ID'] = this.cursor
      const response = await this.world.fetch('/api/v1/events', { headers, signal: abort.signal, cache: 'no-store' })
      if (abort !== this.abort) return
      if (response.status === 401) {
        this.drop()
        this.set('unauthorized')
        return
      }
      if (response.status !== 200 || response.body === null || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
        this.later(await why(response), retryAfter(response))
        return
      }
      await this.consume(response.body, abort)
      reason = 'the daemon closed the stream'
    } catch {
      reason = 'no connection to the daemon'
    }
    if (abort !== this.abort) return
    if (this.world.now() - opened > STABLE_MS) this.attempt = 0
    this.later(reason, this.askedDelay)
  }

  private async consume(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const parser = createParser({
      onEvent: (message) => this.take(message),
      onRetry: (ms) => (this.retryMs = ms),
    })
    const decoder = new TextDecoder()
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (abort !== this.abort) {
        void reader.cancel().catch(() => {})
        return
      }
      if (done) return
      this.guard(abort)
      parser.feed(decoder.decode(value, { stream: true }))
      // A message may have ended this stream.
      if (abort !== this.abort) return
    }
  }

  /** Control messages are obeyed here, whatever they are for others. */
  private take({ event = 'message', data, ...message }: EventSourceMessage): void {
    // What is no place in a journal must not become the place to go on from.
    const id = message.id !== undefined && parseCursor(message.id) ? message.id : undefined
    if (id !== undefined) {
      if (event !== 'snapshot' && this.isOld(id)) return
      this.cursor = id
    }
    const body = control.has(event) ? parse(data) : undefined
    if (event === 'hello') {
      if (typeof body?.heartbeatMs === 'number' && body.heartbeatMs > 0) this.heartbeatMs = body.heartbeatMs
      this.set('live')
    } else if (event === 'shutdown' && typeof body?.retryMs === 'number') {
      this.askedDelay = Math.min(body.retryMs, MAX_DELAY_MS)
    } else if (event === 'ping' && typeof body?.seq === 'number') {
      this.compare(body.seq)
    }
    this.hooks.onEvent(event, data, id)
  }

  private isOld(id: string): boolean {
    const [next, last] = [parseCursor(id), this.cursor === undefined ? undefined : parseCursor(this.cursor)]
    return next !== undefined && last !== undefined && next.epoch === last.epoch && next.seq <= last.seq
  }

  /** A ping that knows more than came by means that something was lost on the way. */
  private compare(seq: number): void {
    const known = (): number | undefined => (this.cursor === undefined ? undefined : parseCursor(this.cursor)?.seq)
    if ((known() ?? seq) >= seq || this.lateTimer !== undefined) return
    this.lateTimer = setTimeout(() => {
      this.lateTimer = undefined
      if (this.phase !== 'live' || (known() ?? seq) >= seq) return
      this.drop()
      this.connect()
    }, LATE_MS)
  }

  private guard(abort: AbortController): void {
    clearTimeout(this.watchdog)
    this.watchdog = setTimeout(() => {
      if (abort !== this.abort) return
      this.drop()
      this.later('nothing came for too long')
    }, this.heartbeatMs * MISSED_HEARTBEATS)
  }

  private later(reason: string, asked?: number): void {
    this.drop()
    const base = Math.max(MIN_BASE_MS, this.retryMs / 2)
    const backoff = this.world.random() * Math.min(MAX_DELAY_MS, base * 2 ** this.attempt) + 100
    const delay = Math.min(MAX_DELAY_MS, asked ?? backoff)
    this.attempt += 1
    this.set('waiting', { retryAt: this.world.now() + delay, reason })
    this.retryTimer = setTimeout(() => this.connect(), delay)
  }
}

const control = new Set(['hello', 'shutdown', 'ping'])

function parse(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}

async function why(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  const problem = parse(text)
  const detail = problem?.detail ?? problem?.title
  return typeof detail === 'string' ? `${response.status}: ${detail}` : `the daemon answered ${response.status}`
}
