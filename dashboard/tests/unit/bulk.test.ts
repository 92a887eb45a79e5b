// One thing said to all files of a list.
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useBulk } from '@/pages/files/bulk'
import { useToasts } from '@/stores/toasts'

const FAILED = { state: 'failed', pipeline: 'p q', q: '' }
/** What the daemon has, newest first. */
let there: string[]
let posted: string[]
let lists: URLSearchParams[]
/** What a POST is answered with, but for 202. */
let answers: Record<string, () => Response>
let open: number
let most: number

const problem = (status: number, detail: string) => (): Response => Response.json({ type: '/problems/conflict', title: 'It cannot be done now', detail }, { status })
const told = (): string[] => useToasts().list.map(({ title, detail }) => (detail === undefined ? title : `${title}: ${detail}`))

beforeEach(() => {
  setActivePinia(createPinia())
  there = Array.from({ length: 450 }, (_, index) => `J${index}`)
  posted = []
  lists = []
  answers = {}
  open = 0
  most = 0
  vi.stubGlobal('fetch', async (url: string, { method }: RequestInit) => {
    open += 1
    most = Math.max(most, open)
    await new Promise((rest) => setTimeout(rest))
    open -= 1
    const { pathname, searchParams } = new URL(url, 'http://daemon')
    if (method === 'POST') {
      const id = pathname.split('/').at(-2) ?? ''
      posted.push(pathname)
      return answers[id]?.() ?? Response.json({}, { status: 202 })
    }
    lists.push(searchParams)
    const start = there.indexOf(searchParams.get('before') ?? '') + 1
    const jobs = there.slice(start, start + Number(searchParams.get('limit'))).map((id) => ({ id }))
    return Response.json({ jobs, next: start + jobs.length < there.length ? jobs.at(-1)?.id : null })
  })
})
afterEach(() => vi.unstubAllGlobals())

describe('one thing said to all files of a list', () => {
  it('is said to each of them once, a few at a time, page by page', async () => {
    const bulk = useBulk()
    const ended = bulk.run('retry', FAILED, 450)
    expect(bulk.work).toEqual({ asked: 0, total: 450, stopping: false })
    await ended
    expect([...posted].sort()).toEqual(there.map((id) => `/api/v1/jobs/${id}/retry`).sort())
    expect(lists.map((list) => [list.get('state'), list.get('pipeline'), list.get('before')])).toEqual([['failed', 'p q', null], ['failed', 'p q', 'J199'], ['failed', 'p q', 'J399']])
    expect(new Set(lists.map((list) => list.get('order')))).toEqual(new Set(['created']))
    expect(most).toBe(4)
    expect(told()).toEqual(['450 files are in the queue again'])
    expect(bulk.work).toBeUndefined()
  })
  it('goes on after a refusal, and tells how many there were and why the first one was', async () => {
    answers = { J3: problem(409, 'its original is gone'), J7: problem(409, 'it has ended') }
    await useBulk().run('cancel', FAILED)
    expect(posted).toHaveLength(450)
    expect(told()).toEqual(['2 files could not be cancelled: its original is gone', '448 files are being cancelled'])
  })
  it('ends where nobody answers, and tells what was done', async () => {
    answers = { J5: () => { throw new TypeError('failed to fetch') } }
    await useBulk().run('retry', FAILED)
    expect(posted.length).toBeLessThan(12)
    expect(told()[0]).toContain('The daemon does not answer')
    expect(told()[1]).toMatch(/^\d files are in the queue again$/)
  })
  it('is stopped, and runs once at a time', async () => {
    const bulk = useBulk()
    answers = { J8: () => (bulk.stop(), Response.json({}, { status: 202 })) }
    const ended = bulk.run('retry', FAILED, 450)
    await bulk.run('retry', FAILED, 450)
    expect(posted).toEqual([])
    await ended
    expect(posted.length).toBeGreaterThan(8)
    expect(posted.length).toBeLessThan(16)
    expect(lists).toHaveLength(1)
    expect(told()).toHaveLength(1)
  })
})
