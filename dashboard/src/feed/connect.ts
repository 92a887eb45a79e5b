// How this tab gets at the feed: a shared worker, else the leader among the tabs, else a stream of its own.
import type { FeedMessage, TabMessage } from './types'

/** Who holds the stream. */
export type Via = 'worker' | 'leader' | 'tab'

/** The tab's end of it. */
export interface FeedLink {
  via: Via
  send(message: TabMessage): void
  close(): void
}

type Listen = (message: FeedMessage) => void

/** Says now and then that this tab is still there. */
const ALIVE_MS = 20_000

function openWorker(onMessage: Listen, onBroken: () => void): FeedLink {
  const worker = new SharedWorker(new URL('./shared-worker.ts', import.meta.url), { type: 'module', name: 'dropleaf-feed' })
  worker.onerror = onBroken
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

/** Loaded only where there is no shared worker: it carries all that the worker does. */
async function openHere(onMessage: Listen): Promise<FeedLink> {
  const { FeedHub, LeaderElection } = await import('./here')
  if (typeof BroadcastChannel === 'function') {
    const election = new LeaderElection(new BroadcastChannel('dropleaf-feed'), onMessage)
    return { via: 'leader', send: (message) => election.send(message), close: () => election.close() }
  }
  const hub = new FeedHub()
  const tab = { post: onMessage }
  hub.take(tab, { kind: 'join' })
  return { via: 'tab', send: (message) => hub.take(tab, message), close: () => hub.close() }
}

/** Connects this tab, and keeps it connected through sleep, network changes and the back button. */
export function connect(onMessage: Listen, onLink: (link: FeedLink) => void): void {
  let link: FeedLink | undefined
  const use = (next: FeedLink): void => {
    link = next
    onLink(next)
  }
  const here = (): void => void openHere(onMessage).then(use)
  const open = (): void => {
    if (typeof SharedWorker === 'function') use(openWorker(onMessage, here))
    else here()
  }
  open()
  const send = (message: TabMessage): void => link?.send(message)
  setInterval(() => send({ kind: 'alive' }), ALIVE_MS)
  addEventListener('online', () => send({ kind: 'network', online: true }))
  addEventListener('offline', () => send({ kind: 'network', online: false }))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') send({ kind: 'reconnect' })
  })
  addEventListener('pagehide', () => link?.close())
  addEventListener('pageshow', (event) => {
    if (event.persisted) open()
  })
}
