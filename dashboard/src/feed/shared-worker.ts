// One stream for all tabs of this browser, held by a shared worker.
import { FeedHub, type Tab } from './hub'
import type { TabMessage } from './types'

const hub = new FeedHub()

interface SharedWorkerScope {
  onconnect: ((event: MessageEvent) => void) | null
}

;(self as unknown as SharedWorkerScope).onconnect = (event) => {
  const port = event.ports[0]
  if (!port) return
  const tab: Tab = { post: (message) => port.postMessage(message) }
  port.onmessage = ({ data }: MessageEvent<TabMessage>) => hub.take(tab, data)
  port.start()
}
