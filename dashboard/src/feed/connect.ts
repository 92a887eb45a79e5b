// How this tab gets at the feed: a shared worker, else the leader among the tabs, else a stream of its own.
import { FeedHub, type Tab } from './hub'
import { LeaderElection } from './leader'
import type { FeedMessage, TabMessage } from './types'

/** Who holds the stream. */
export type Via = 'worker' | 'leader' | 'tab'

/** The tab's end of it. */
export interface FeedLink {
  via: Via
  send(message: TabMessage): void
  close(): void
}

/** Says now and then that this tab is still there. */
const ALIVE_MS = 20_000

function open(onMessage: (message: FeedMessage) => void): FeedLink {
  if (typeof SharedWorker === 'function') {
    const worker = new SharedWorker(new URL('./shared-worker.ts', import.meta.url), { type: 'module', name: 'dropleaf-feed' })
    worker.port.onmessage = ({ data }: MessageEvent<FeedMessage>) => onMessage(data)
    worker.port.start()
    const send = (message: TabMessage): void => worker.port.postMessage(message)
    send({ kind: 'join' })
    return {
      via: 'worker',
      send,
      close() {
        send({ kind: 'leave' })
        worker.port.close()
      },
    }
  }
  if (typeof BroadcastChannel === 'function') {
    const election = new LeaderElection(new BroadcastChannel('dropleaf-feed'), onMessage)
    return { via: 'leader', send: (message) => election.send(message), close: () => election.close() }
  }
  const hub = new FeedHub()
  const tab: Tab = { post: onMessage }
  hub.take(tab, { kind: 'join' })
  return { via: 'tab', send: (message) => hub.take(tab, message), close: () => hub.close() }
}

/** Connects this tab, and keeps it connected through sleep, network changes and the back button. */
export function connect(onMessage: (message: FeedMessage) => void, onLink: (link: FeedLink) => void): void {
  let link = open(onMessage)
  onLink(link)
  setInterval(() => link.send({ kind: 'alive' }), ALIVE_MS)
  addEventListener('online', () => link.send({ kind: 'network', online: true }))
  addEventListener('offline', () => link.send({ kind: 'network', online: false }))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') link.send({ kind: 'reconnect' })
  })
  addEventListener('pagehide', () => link.close())
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return
    link = open(onMessage)
    onLink(link)
  })
}
