// What a tab needs to hold the stream itself.
export { FeedHub } from './hub'
export { LeaderElection } from './leader'
