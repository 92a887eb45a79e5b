// Brings what the feed says into the stores, once per frame.
import { connect } from './feed/connect'
import type { FeedMessage, FeedStatus, Patch } from './feed/types'
import { whenUnauthorized } from './api/client'
import { afterFrame } from './frames'
import { useConnection } from './stores/connection'
import { useJobs } from './stores/jobs'
import { useOverview } from './stores/overview'

/** Hidden tabs get no frames; they are served at this pace. */
const HIDDEN_MS = 500

/** Collects messages and hands them over together, in their order. */
export class FrameBatch<T> {
  private waiting: T[] = []
  private booked = false
  private readonly take: (all: T[]) => void
  private readonly book: (run: () => void) => void

  constructor(take: (all: T[]) => void, book: (run: () => void) => void) {
    this.take = take
    this.book = book
  }
  add(item: T): void {
    this.waiting.push(item)
    if (this.booked) return
    this.booked = true
    this.book(() => {
      this.booked = false
      const all = this.waiting
      this.waiting = []
      this.take(all)
    })
  }
}

function nextFrame(run: () => void): void {
  if (document.visibilityState === 'visible') afterFrame(run)
  else setTimeout(run, HIDDEN_MS)
}

/** Starts the feed of this tab. */
export function startFeed(): void {
  const connection = useConnection()
  const jobs = useJobs()
  const overview = useOverview()

  const batch = new FrameBatch<FeedMessage>((messages) => {
    let status: FeedStatus | undefined
    for (const message of messages) {
      if (message.kind === 'status') status = message.status
      else applyPatch(message.patch)
    }
    if (status) connection.onStatus(status)
  }, nextFrame)
  function applyPatch(patch: Patch): void {
    jobs.apply(patch)
    overview.apply(patch)
  }

  whenUnauthorized(() => (connection.tokenWanted = true))
  jobs.onShown(connection.watchJobs)
  connect((message) => batch.add(message), connection.attach)
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') overview.looked()
  })
}
