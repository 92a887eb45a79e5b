// The holder of the stream: reads it, checks each message, keeps the model, and tells every tab what changed.
import type { FeedEvents, JobView } from '@/generated/api'
import { validators, isJobView } from '@/generated/validators'
import { FeedModel } from './model'
import { FeedStream, type StreamWorld } from './stream'
import { emptyPatch, forTab, freshStatus, type FeedMessage, type FeedStatus, type Patch, type TabMessage } from './types'

/** Patches are at least this far apart; what changes meanwhile is told once. */
const FLUSH_MS = 100
/** What is counted is told no more often than this; that the line broke is told at once. */
const COUNT_MS = 1_000
/** A tab that has said nothing for so long is gone (browsers wake hidden tabs once a minute). */
const TAB_LIVES_MS = 150_000
const SWEEP_MS = 30_000
/** After an unreadable message a fresh snapshot is asked for, but not more often than this. */
const RESYNC_EVERY_MS = 60_000
/** Jobs that are asked for at the same time. */
const ASK_AT_ONCE = 4

/** A tab's address. */
export interface Tab {
  post(message: FeedMessage): void
}

/** What is known of a tab. */
interface Seat {
  /** When it last spoke. */
  seen: number
  watching: ReadonlySet<string>
}

const NOTHING: ReadonlySet<string> = new Set()

export class FeedHub {
  private readonly stream: FeedStream
  private readonly model = new FeedModel()
  private readonly tabs = new Map<Tab, Seat>()
  private readonly world: StreamWorld
  private status: FeedStatus = freshStatus()
  private flushTimer: ReturnType<typeof setTimeout> | undefined
  private sweepTimer: ReturnType<typeof setInterval> | undefined
  private countedAt = Number.NEGATIVE_INFINITY
  private resyncedAt = Number.NEGATIVE_INFINITY
  private asking = 0

  constructor(replaced: Partial<StreamWorld> = {}) {
    this.world = { fetch: (url, init) => fetch(url, init), random: () => Math.random(), now: () => Date.now(), ...replaced }
    this.stream = new FeedStream({ onEvent: (...message) => this.hear(...message), onStatus: (change) => this.tell(change) }, this.world)
  }

  /** What a tab says. */
  take(tab: Tab, message: TabMessage): void {
    const known = this.tabs.get(tab)
    if (message.kind === 'leave') {
      this.tabs.delete(tab)
      this.counted()
      return
    }
    this.tabs.set(tab, { seen: this.world.now(), watching: message.kind === 'watch' ? new Set(message.jobs) : (known?.watching ?? NOTHING) })
    if (message.kind === 'join' || !known) this.welcome(tab)
    if (message.kind === 'watch') this.catchUp(tab, known?.watching ?? NOTHING)
    else if (message.kind === 'reconnect' || (message.kind === 'network' && message.online)) this.stream.reconnect()
    else if (message.kind === 'resync') this.stream.resync()
    else if (message.kind === 'network' && this.status.phase === 'waiting') this.tell({ phase: 'offline' })
  }

  /** Ends the stream for good. */
  close(): void {
    this.tabs.clear()
    this.counted()
  }

  private welcome(tab: Tab): void {
    this.counted()
    tab.post({ kind: 'status', status: this.status })
    if (this.model.ready) this.post(tab, this.model.whole())
    this.stream.start()
    this.sweepTimer ??= setInterval(() => this.sweep(), SWEEP_MS)
  }

  private sweep(): void {
    const gone = this.world.now() - TAB_LIVES_MS
    for (const [tab, { seen }] of this.tabs) if (seen < gone) this.tabs.delete(tab)
    this.counted()
  }

  /** Nobody there: no stream. */
  private counted(): void {
    if (this.tabs.size === 0) {
      this.stream.stop()
      clearInterval(this.sweepTimer)
      this.sweepTimer = undefined
    }
    if (this.status.tabs !== this.tabs.size) this.tell({ tabs: this.tabs.size })
  }

  private tell(change: Partial<FeedStatus>): void {
    const again = change.phase === 'connecting' && this.status.lastAt !== undefined
    this.status = { ...this.status, ...change, ...(again ? { reconnects: this.status.reconnects + 1 } : {}) }
    // Without a network waiting has another name; a daemon on this machine is found all the same.
    if (change.phase === 'waiting' && navigator.onLine === false) this.status.phase = 'offline'
    this.send({ kind: 'status', status: this.status })
  }

  private send(message: FeedMessage): void {
    for (const tab of this.tabs.keys()) tab.post(message)
  }

  /** Hands a tab what concerns it. */
  private post(tab: Tab, all: Patch): void {
    const patch = forTab(all, this.tabs.get(tab)?.watching ?? NOTHING)
    if (patch) tab.post({ kind: 'patch', patch })
  }

  /** How far those jobs are that a tab has just begun to show. */
  private catchUp(tab: Tab, before: ReadonlySet<string>): void {
    const jobs = [...(this.tabs.get(tab)?.watching ?? NOTHING)].filter((id) => !before.has(id))
    const progress = this.model.progressOf(jobs)
    if (progress.length > 0) tab.post({ kind: 'patch', patch: { ...emptyPatch(), progress } })
  }

  private hear(event: string, text: string, id: string | undefined): void {
    this.status.received += 1
    this.status.lastAt = this.world.now()
    if (id !== undefined) this.status.cursor = id
    if (!Object.hasOwn(validators, event)) return
    const name = event as keyof FeedEvents
    let data: unknown
    try {
      data = JSON.parse(text)
    } catch {
      this.unreadable(`${event}: not JSON`)
      return
    }
    if (!validators[name](data)) {
      this.unreadable(`${event}: not what it should carry`)
      return
    }
    this.apply(name, data as FeedEvents[typeof name])
  }

  private apply<E extends keyof FeedEvents>(name: E, data: FeedEvents[E]): void {
    if (name === 'hello') {
      const { uiBuild } = data as FeedEvents['hello']
      this.tell({ ...(uiBuild == null ? {} : { uiBuild }) })
    } else if (name === 'reset') this.tell({ resets: this.status.resets + 1 })
    else if (name === 'ping') this.tell({})
    else if (name !== 'shutdown' && name !== 'end') {
      this.model.apply(name, data)
      this.ask()
      this.flushSoon()
    }
  }

  private unreadable(what: string): void {
    this.tell({ malformed: this.status.malformed + 1, lastMalformed: what })
    const now = this.world.now()
    if (now - this.resyncedAt < RESYNC_EVERY_MS) return
    this.resyncedAt = now
    this.stream.resync()
  }

  private flushSoon(): void {
    this.flushTimer ??= setTimeout(() => {
      this.flushTimer = undefined
      const patch = this.model.drain()
      if (patch) for (const tab of this.tabs.keys()) this.post(tab, patch)
      const now = this.world.now()
      if (now - this.countedAt < COUNT_MS) return
      this.countedAt = now
      this.send({ kind: 'status', status: this.status })
    }, FLUSH_MS)
  }

  /** Asks for jobs that events told too little about. */
  private ask(): void {
    for (const id of this.model.wanted) {
      if (this.asking >= ASK_AT_ONCE) return
      this.model.wanted.delete(id)
      this.asking += 1
      void this.fetchJob(id).then((job) => {
        this.asking -= 1
        if (job) {
          this.model.offer(job)
          this.flushSoon()
        }
        this.ask()
      })
    }
  }

  private async fetchJob(id: string): Promise<JobView | undefined> {
    try {
      const response = await this.world.fetch(`/api/v1/jobs/${encodeURIComponent(id)}`, { headers: { Accept: 'application/json' } })
      const job: unknown = response.ok ? await response.json() : undefined
      return isJobView(job) ? job : undefined
    } catch {
      // The next event about it asks again.
      return undefined
    }
  }
}
