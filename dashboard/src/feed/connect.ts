// How this tab gets at the feed.
import type { TabMessage } from './types'

/** Who holds the stream. */
export type Via = 'worker' | 'leader' | 'tab'

/** The tab's end of it. */
export interface FeedLink {
  via: Via
  send(message: TabMessage): void
}
