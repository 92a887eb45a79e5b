import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FeedHub } from '@/feed/hub'
import { LeaderElection, type Channel } from '@/feed/leader'
import type { FeedMessage } from '@/feed/types'
import { FakeDaemon, hello, job, snapshot } from './fake'

/** All channels of one name; messages go to all others, a little later. */
class Air {
  private readonly all = new Set<Channel>()
  channel(): Channel {
    const air = this.all
    const channel: Channel = {
      onmessage: null,
      postMessage(message) {
        for (const other of air) if (other !== channel) queueMicrotask(() => other.onmessage?.(new MessageEvent('message', { data: structuredClone(message) })))
      },
      close: () => void air.delete(channel),
    }
    air.add(channel)
    return channel
  }
}

let air: Air
let daemon: FakeDaemon
const open: LeaderElection[] = []

function tab(name: string): { election: LeaderElection; messages: FeedMessage[] } {
  const messages: FeedMessage[] = []
  const election = new LeaderElection(air.channel(), (message) => messages.push(message), () => new FeedHub(daemon.world), name)
  open.push(election)
  return { election, messages }
}

beforeEach(() => {
  vi.useFakeTimers()
  air = new Air()
  daemon = new FakeDaemon()
})
afterEach(() => {
  for (const election of open.splice(0)) election.close()
  vi.useRealTimers()
})

describe('tabs without a shared worker', () => {
  it('choose one that holds the stream, and the others hear it', async () => {
    const first = tab('1')
    await vi.advanceTimersByTimeAsync(6_000)
    expect(first.election.leads).toBe(true)
    const second = tab('2')
    await vi.advanceTimersByTimeAsync(1_100)
    expect(second.election.leads).toBe(false)
    await daemon.last.event('hello', hello())
    await daemon.last.event('snapshot', snapshot([job('A')]), 'ab-1')
    await vi.advanceTimersByTimeAsync(150)
    expect(daemon.lines).toHaveLength(1)
    expect(second.messages.some((message) => message.kind === 'patch' && message.patch.jobs[0]?.id === 'A')).toBe(true)
  })

  it('are all heard, those too that came before anybody led', async () => {
    const tabs = [tab('1'), tab('2'), tab('3'), tab('4')]
    await vi.advanceTimersByTimeAsync(8_000)
    await daemon.last.event('hello', hello())
    await vi.advanceTimersByTimeAsync(100)
    const phases = tabs.map(({ messages }) => messages.findLast((message) => message.kind === 'status')?.status)
    expect(phases.map((status) => [status?.phase, status?.tabs])).toEqual(Array(4).fill(['live', 4]))
  })

  it('choose another when it goes', async () => {
    const first = tab('1')
    await vi.advanceTimersByTimeAsync(6_000)
    const second = tab('2')
    await vi.advanceTimersByTimeAsync(2_000)
    first.election.close()
    await vi.advanceTimersByTimeAsync(6_000)
    expect(second.election.leads).toBe(true)
    expect(daemon.lines[0]?.aborted).toBe(true)
    expect(daemon.lines).toHaveLength(2)
  })

  it('keep one of two that both began to lead', async () => {
    const [first, second] = [tab('1'), tab('2')]
    await vi.advanceTimersByTimeAsync(10_000)
    expect([first.election.leads, second.election.leads].filter(Boolean)).toHaveLength(1)
    expect(daemon.lines.filter(({ aborted }) => !aborted)).toHaveLength(1)
  })
})
