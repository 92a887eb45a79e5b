import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FeedStream, parseCursor } from '@/feed/stream'
import type { FeedStatus } from '@/feed/types'
import { FakeDaemon, hello, settled } from './fake'

let daemon: FakeDaemon
let status: Partial<FeedStatus>
let heard: string[]
let stream: FeedStream

beforeEach(() => {
  vi.useFakeTimers()
  daemon = new FakeDaemon()
  status = {}
  heard = []
  stream = new FeedStream(
    { onEvent: (event, _data, id) => heard.push(id === undefined ? event : `${event}@${id}`), onStatus: (change) => void (status = { ...status, ...change }) },
    daemon.world,
  )
})
afterEach(() => {
  stream.stop()
  vi.useRealTimers()
})

async function live(cursor = 'ab-1'): Promise<void> {
  stream.start()
  await settled()
  await daemon.last.event('hello', hello(cursor))
}

describe('the stream', () => {
  it('is live after hello and goes on from its place when the line breaks', async () => {
    await live()
    expect(status.phase).toBe('live')
    await daemon.last.event('snapshot', {}, 'ab-5')
    await daemon.last.event('job.queued', {}, 'ab-6')
    await daemon.last.end()
    expect(status.phase).toBe('waiting')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(daemon.lines).toHaveLength(2)
    expect(daemon.last.headers['Last-Event-ID']).toBe('ab-6')
  })

  it('drops what a replay tells twice', async () => {
    await live()
    await daemon.last.event('job.queued', {}, 'ab-6')
    await daemon.last.event('job.queued', {}, 'ab-6')
    await daemon.last.event('job.queued', {}, 'ab-4')
    await daemon.last.event('job.started', {}, 'ab-7')
    expect(heard).toEqual(['hello', 'job.queued@ab-6', 'job.started@ab-7'])
  })

  it('does not go on from what is no place in a journal', async () => {
    await live()
    await daemon.last.event('job.queued', {}, 'ab-6')
    for (const id of ['..-..', 'ab', '7', 'ab-']) await daemon.last.event('step.progress', {}, id)
    await daemon.last.end()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(daemon.last.headers['Last-Event-ID']).toBe('ab-6')
    expect(heard.slice(2, 6)).toEqual(Array(4).fill('step.progress'))
  })

  it('takes the numbers of another epoch as new', async () => {
    await live()
    await daemon.last.event('job.queued', {}, 'ab-60')
    await daemon.last.event('snapshot', {}, 'cd-2')
    await daemon.last.event('job.queued', {}, 'cd-3')
    expect(heard).toContain('job.queued@cd-3')
  })

  it('backs off to at most 30 s on any status but 200, and never gives up', async () => {
    daemon.answers = Array.from({ length: 12 }, () => new Response('', { status: 503 }))
    stream.start()
    await settled()
    const pauses: number[] = []
    for (let turn = 0; turn < 11; turn += 1) {
      expect(status.phase).toBe('waiting')
      const pause = (status.retryAt ?? 0) - Date.now()
      pauses.push(pause)
      await vi.advanceTimersByTimeAsync(pause + 1)
    }
    expect(pauses[0]).toBeLessThan(1_000)
    expect(pauses[3]).toBeGreaterThan(pauses[0] ?? 0)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000)
    await vi.advanceTimersByTimeAsync(31_000)
    await daemon.last.event('hello', hello())
    expect(status.phase).toBe('live')
  })

  it('says why it was refused and waits as long as it is told', async () => {
    daemon.answers = [new Response(JSON.stringify({ title: 'x', detail: '32 streams are open' }), { status: 503, headers: { 'retry-after': '5' } })]
    stream.start()
    await settled()
    expect(status.reason).toBe('503: 32 streams are open')
    expect((status.retryAt ?? 0) - Date.now()).toBe(5_000)
  })

  it('stops at 401 until it is told to try again', async () => {
    daemon.answers = [new Response('', { status: 401 })]
    stream.start()
    await settled()
    expect(status.phase).toBe('unauthorized')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(daemon.lines).toHaveLength(0)
    stream.reconnect()
    await settled()
    expect(daemon.lines).toHaveLength(1)
  })

  it('tries at once when asked, and leaves a living line alone', async () => {
    daemon.answers = ['down', 'down']
    stream.start()
    await settled()
    expect(status.phase).toBe('waiting')
    stream.reconnect()
    await settled()
    stream.reconnect()
    await settled()
    await daemon.last.event('hello', hello())
    stream.reconnect()
    await settled()
    expect(daemon.lines).toHaveLength(1)
    expect(status.phase).toBe('live')
  })

  it('takes a silent line for dead after two and a half heartbeats', async () => {
    await live()
    await vi.advanceTimersByTimeAsync(37_000)
    expect(status.phase).toBe('live')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(status.phase).toBe('waiting')
    expect(daemon.last.aborted).toBe(true)
  })

  it('comes back when the daemon said it would be there again', async () => {
    await live()
    await daemon.last.event('shutdown', { retryMs: 4_000 })
    await daemon.last.end()
    expect((status.retryAt ?? 0) - Date.now()).toBe(4_000)
  })

  it('connects again where a ping knows more than came', async () => {
    await live()
    await daemon.last.event('snapshot', {}, 'ab-5')
    await daemon.last.event('ping', { seq: 9, at: '' })
    await vi.advanceTimersByTimeAsync(2_100)
    expect(daemon.lines).toHaveLength(2)
    expect(daemon.last.headers['Last-Event-ID']).toBe('ab-5')
  })

  it('does not, where the missing ones arrive a moment later', async () => {
    await live()
    await daemon.last.event('snapshot', {}, 'ab-5')
    await daemon.last.event('ping', { seq: 6, at: '' })
    await daemon.last.event('job.queued', {}, 'ab-6')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(daemon.lines).toHaveLength(1)
  })

  it('asks for a snapshot after a resync', async () => {
    await live()
    await daemon.last.event('snapshot', {}, 'ab-5')
    stream.resync()
    await settled()
    expect(daemon.last.headers['Last-Event-ID']).toBeUndefined()
  })
})

it('reads cursors', () => {
  expect(parseCursor('7f3a9c1e-184467')).toEqual({ epoch: '7f3a9c1e', seq: 184467 })
  expect(parseCursor('nonsense')).toBeUndefined()
})
