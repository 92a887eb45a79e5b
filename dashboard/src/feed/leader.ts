// Where there is no shared worker: one of the tabs holds the stream and tells the others over a `BroadcastChannel`.
//
// The leader says so every second. A tab that has heard nothing for `SILENCE_MS` plus a random moment takes over; of two
// leaders the one with the smaller name stays.
import { FeedHub, type Tab } from './hub'
import type { FeedMessage, TabMessage } from './types'

const BEAT_MS = 1_000
const SILENCE_MS = 3_500

type Wire =
  | { kind: 'beat'; from: string }
  | { kind: 'bye'; from: string }
  | { kind: 'up'; from: string; message: TabMessage }
  | { kind: 'down'; to: string; message: FeedMessage }

/** What `LeaderElection` needs of a `BroadcastChannel`. */
export interface Channel {
  postMessage(message: unknown): void
  onmessage: ((event: MessageEvent) => void) | null
  close(): void
}

export class LeaderElection {
  private hub: FeedHub | undefined
  private readonly remote = new Map<string, Tab>()
  private heardAt = Date.now()
  /** The leader that knows of this tab. */
  private following: string | undefined
  private readonly own: Tab
  private readonly patience = SILENCE_MS + Math.random() * 1_000
  private readonly timer: ReturnType<typeof setInterval>
  private readonly channel: Channel
  private readonly name: string
  private readonly makeHub: () => FeedHub

  constructor(channel: Channel, onMessage: (message: FeedMessage) => void, makeHub: () => FeedHub = () => new FeedHub(), name = `${Math.random()}`.slice(2)) {
    this.channel = channel
    this.makeHub = makeHub
    this.name = name
    this.own = { post: onMessage }
    channel.onmessage = ({ data }: MessageEvent<Wire>) => this.hear(data)
    this.timer = setInterval(() => this.tick(), BEAT_MS)
    // Somebody who leads is heard within a beat or two.
    this.heardAt = Date.now() - SILENCE_MS + 2 * BEAT_MS
  }

  get leads(): boolean {
    return this.hub !== undefined
  }

  send(message: TabMessage): void {
    if (this.hub) this.hub.take(this.own, message)
    else this.say({ kind: 'up', from: this.name, message })
  }

  /** Leaves: another tab takes over at once. */
  close(): void {
    this.send({ kind: 'leave' })
    if (this.hub) this.say({ kind: 'bye', from: this.name })
    this.stepDown()
    clearInterval(this.timer)
    this.channel.close()
  }

  private say(message: Wire): void {
    this.channel.postMessage(message)
  }

  private tick(): void {
    if (this.hub) this.say({ kind: 'beat', from: this.name })
    else if (Date.now() - this.heardAt > this.patience) this.lead()
  }

  private lead(): void {
    this.hub = this.makeHub()
    this.following = undefined
    this.say({ kind: 'beat', from: this.name })
    this.hub.take(this.own, { kind: 'join' })
  }

  private stepDown(): void {
    this.hub?.close()
    this.hub = undefined
    this.remote.clear()
  }

  private hear(wire: Wire): void {
    if (wire.kind === 'down') {
      if (wire.to === this.name && !this.hub) this.own.post(wire.message)
    } else if (wire.kind === 'bye') {
      this.heardAt = 0
    } else if (wire.kind === 'beat') {
      this.heardAt = Date.now()
      if (this.hub && wire.from < this.name) this.stepDown()
      if (!this.hub && this.following !== wire.from) {
        this.following = wire.from
        this.say({ kind: 'up', from: this.name, message: { kind: 'join' } })
      }
    } else if (this.hub) {
      this.hub.take(this.address(wire.from), wire.message)
      if (wire.message.kind === 'leave') this.remote.delete(wire.from)
    }
  }

  private address(name: string): Tab {
    const known = this.remote.get(name)
    if (known) return known
    const tab: Tab = { post: (message) => this.say({ kind: 'down', to: name, message }) }
    this.remote.set(name, tab)
    return tab
  }
}
