// A daemon made of numbers: 100,000 ended jobs to page through, and a feed of as many events a second as one likes.
import { createServer } from 'node:http'

const AT = '2026-01-01T00:00:00.000Z'
const id = (n) => `01K4${String(n).padStart(22, '0')}`
const STEPS = ['repair', 'stamp-text', 'optimize']

function job(n, more = {}) {
  const base = `/api/v1/jobs/${id(n)}`
  return {
    id: id(n), rev: 4, pipeline: 'receive', revision: 'r', name: `scan-${n}.pdf`, path: `/in/scan-${n}.pdf`, relative: `scan-${n}.pdf`, origin: 'watch', state: 'succeeded',
    createdAt: AT, updatedAt: new Date(Date.parse(AT) + n).toISOString(), attempts: 1, priority: 0, queuedMs: 5, ranMs: 900,
    steps: STEPS.map((step) => ({ id: step, uses: `p/${step}`, status: 'finished', startedAt: AT, ms: 300 })),
    warnings: [], problem: null, artifacts: [], input: { size: 81_234, blake3: null, href: `${base}/input` }, plugins: [], sandbox: 'full',
    parses: 1, saves: 1, pagesIn: 12, pagesOut: 12, peakKib: 20_000, cpuMs: 100, links: { self: base, events: '', log: '', pipeline: '' }, ...more,
  }
}

/** @returns its address, how many streams are open, and how to end it. */
export function startDaemon({ ended = 100_000, running = 500, perSecond = 2_000 }) {
  const streams = new Set()
  let seq = 1
  let next = ended + running
  let done = 0
  let sent = 0
  let paused = false
  const alive = Array.from({ length: running }, (_, index) => ({ n: ended + index, rev: 4, done: 0 }))
  const counters = () => ({ running, succeeded: ended + done })
  const runningJob = ({ n, rev }) => job(n, { state: 'running', since: AT, rev })
  const frame = (event, data, cursor) => `${cursor === undefined ? '' : `id: ab-${cursor}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

  const timer = setInterval(() => {
    // Who reads too slowly gets no more for now: the real daemon keeps no queue either.
    if (paused || [...streams].some((stream) => stream.writableNeedDrain)) return
    let text = ''
    sent += perSecond / 20
    for (let i = 0; i < perSecond / 20; i += 1) {
      const slot = Math.floor(Math.random() * alive.length)
      const it = alive[slot]
      it.done += 1
      if (it.done <= 60) {
        text += frame('step.progress', { job: id(it.n), pipeline: 'receive', path: '', rev: it.rev, step: 'stamp-text', index: 1, steps: 3, part: 1, parts: 1, done: it.done, total: 60, rate: 3, etaMs: 900 })
        continue
      }
      const event = (name, more) => (text += frame(name, { seq: (seq += 1), at: new Date().toISOString(), job: id(it.n), rev: (it.rev += 1), pipeline: 'receive', name: `scan-${it.n}.pdf`, path: `/in/scan-${it.n}.pdf`, ...more }, seq))
      event('job.succeeded', { state: 'succeeded', artifacts: [] })
      done += 1
      alive[slot] = { n: next, rev: 0, done: 0 }
      next += 1
      const begun = alive[slot]
      const start = (name, more) => (text += frame(name, { seq: (seq += 1), at: new Date().toISOString(), job: id(begun.n), rev: (begun.rev += 1), pipeline: 'receive', name: `scan-${begun.n}.pdf`, path: `/in/scan-${begun.n}.pdf`, ...more }, seq))
      const steps = STEPS.map((step) => ({ id: step, uses: `p/${step}` }))
      start('job.accepted', { state: 'claiming', revision: 'r', relative: `scan-${begun.n}.pdf`, size: 81_234, origin: 'watch', priority: 0, steps })
      start('job.queued', { state: 'queued', reason: 'new', size: 81_234, blake3: 'ab' })
      start('job.started', { state: 'running', attempt: 1, revision: 'r', worker: 1, sandbox: 'full', plugins: [], steps })
      start('step.started', { state: 'running', step: 'stamp-text', index: 1, part: 1, parts: 1 })
    }
    for (const stream of streams) stream.write(text)
  }, 50)

  const answers = {
    '/api/v1/pipelines': () => ({ pipelines: [] }),
    '/api/v1/stats': () => ({ counters: counters(), pipelines: [], running: [], daemon: {} }),
    '/api/v1/healthz': () => ({ status: 'ok', version: '0.0.0' }),
    '/api/v1/jobs': (query) => {
      const before = Number(query.get('before') ?? ended)
      const limit = Number(query.get('limit') ?? 50)
      const state = query.get('state') ?? ''
      const open = query.get('before') === null && state === '' ? alive.map(runningJob) : []
      const page = Array.from({ length: Math.min(limit, before) }, (_, index) => job(before - 1 - index))
      return { jobs: [...open, ...page], next: before > limit ? String(before - limit) : null, total: ended + running + done, cursor: `ab-${seq}` }
    },
  }
  /** `/jobs/<id>`, and what belongs to it. */
  function ofJob(path) {
    const [, n, part] = /^\/api\/v1\/jobs\/01K4(\d+)(?:\/(\w+))?$/.exec(path) ?? []
    if (n === undefined) return undefined
    if (part === 'log') return { lines: [], next: 0 }
    if (part === 'timeline') return { job: id(Number(n)), rev: 4, phases: [], attempts: [] }
    return job(Number(n))
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://load')
    if (url.pathname === '/api/v1/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`retry: 1000\n\n${frame('hello', { protocol: 1, epoch: 'ab', cursor: `ab-${seq}`, resumed: false, replayed: 0, heartbeatMs: 15_000, build: '0', uiBuild: '0', connection: 'c', topics: ['everything'] })}`)
      const pipeline = { id: 'receive', rev: 1, updatedAt: AT, revision: 'r', state: 'active', faults: [], folder: null, jobs: counters() }
      response.write(frame('snapshot', { seq, cursor: `ab-${seq}`, pipelines: [pipeline], jobs: alive.map(runningJob), moreJobs: false, counters: counters() }, seq))
      streams.add(response)
      request.on('close', () => streams.delete(response))
      return
    }
    const answer = answers[url.pathname]?.(url.searchParams) ?? ofJob(url.pathname)
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}`,
        streams: () => streams.size,
        done: () => done,
        sent: () => sent,
        pause: (is) => (paused = is),
        close: () => {
          clearInterval(timer)
          server.closeAllConnections()
          server.close()
        },
      }),
    )
  })
}
