// The list of files under one filter: pages from the API by cursor, kept true by the feed.
//
// Newest change first. A file goes to the top when its state changes, not at every step: a list that people read must be calm.
// Where the reader has scrolled down, what would move under the eye waits until it is asked for.
import { computed, onScopeDispose, ref, shallowReactive, shallowRef, watch, type Ref } from 'vue'
import { getJson } from '@/api/client'
import type { JobPageView, JobView } from '@/generated/api'
import { atWork } from '@/progress'
import { useConnection } from '@/stores/connection'
import { useJobs } from '@/stores/jobs'
import { ENDED_STATES, OPEN_STATES } from '@/stores/overview'

export interface Filter {
  state: string
  pipeline: string
  q: string
}

/** What a row shows; a list of 100,000 keeps no more of each. */
export interface Row {
  id: string
  rev: number
  name: string
  pipeline: string
  state: string
  updatedAt: string
  since: string | undefined
  until: string | undefined
  ranMs: number
  size: number
  pages: number
  outputs: number
  warnings: number
  problem: string | undefined
  /** The operation that it is in. */
  uses: string | undefined
}

const FIRST = 100
const NEXT = 400
const MOST = 500
/** The order changes at most so often, however much happens; where much happens, less often still. */
const CALM_MS = 300
const BUSY_MS = 1_000
const MUCH = 6
/** At the top, a list that has grown longer than this lets go of its end; it is asked for again when it is scrolled to. */
const LONG = 2_000
const KEPT = 1_000
/** More changes than this do not wait one by one: the list begins anew when they are asked for. */
export const MANY_PENDING = 1_000

export function toRow(job: JobView): Row {
  return {
    id: job.id,
    rev: job.rev,
    name: job.name,
    pipeline: job.pipeline,
    state: job.state,
    updatedAt: job.updatedAt,
    since: job.since ?? undefined,
    until: job.until ?? undefined,
    ranMs: job.ranMs,
    size: job.input.size,
    pages: job.pagesIn,
    outputs: job.artifacts.filter(({ kind }) => kind === 'document').length,
    warnings: job.warnings.length,
    problem: job.problem?.detail,
    uses: job.state === 'running' ? atWork(job) : undefined,
  }
}

/** The states that a filter lets through, each by its own name. */
export function statesOf(state: string): string[] {
  const groups: Record<string, readonly string[]> = { '': [...OPEN_STATES, ...ENDED_STATES], open: OPEN_STATES, ended: ENDED_STATES }
  return state.split(',').flatMap((word) => groups[word] ?? [word])
}

/** A name as the daemon searches it: in small letters, and composed. */
const folded = (name: string): string => name.normalize('NFC').toLowerCase()
export function matches(row: Row, { state, pipeline, q }: Filter): boolean {
  if (pipeline !== '' && row.pipeline !== pipeline) return false
  if (q !== '' && !folded(row.name).includes(folded(q))) return false
  return state === '' || statesOf(state).includes(row.state)
}

/** Where a page of the list is asked for. */
export function address(filter: Filter, limit: number, before: string | null, order: 'changed' | 'created' = 'changed'): string {
  const query = new URLSearchParams({ order, limit: String(limit) })
  for (const key of ['state', 'pipeline', 'q'] as const) if (filter[key] !== '') query.set(key, filter[key])
  if (before !== null) query.set('before', before)
  return `jobs?${query}`
}

/** @param away whether the reader has scrolled away from the top. */
export function useJobList(filter: Ref<Filter>, away: Ref<boolean>) {
  const jobs = useJobs()
  const ids = shallowRef<string[]>([])
  const rows = shallowReactive(new Map<string, Row>())
  const pending = shallowRef<ReadonlySet<string>>(new Set())
  const loading = ref(false)
  const fresh = ref(true)
  const error = shallowRef<unknown>()
  const next = shallowRef<string | null>(null)
  /** How many the daemon counted under this filter when it was last asked; it does not count names. */
  const total = ref<number>()
  /** The end was let go: what `next` leads to does not follow on the last row. */
  const open = ref(false)
  const listed = new Set<string>()
  const rising = new Set<string>()
  /** What the feed told while an answer was on its way: the answer may be older. */
  const heard = new Map<string, JobView>()
  let abort: AbortController | undefined
  let rise: ReturnType<typeof setTimeout> | undefined

  /** How many wait that have no row yet. */
  const unlisted = computed(() => (ids.value, [...pending.value].filter((id) => !listed.has(id)).length))
  const complete = computed(() => !fresh.value && next.value === null && !open.value)

  /** Asks for pages, takes in what came and then what the feed told meanwhile; nothing of it where somebody else has asked since, or for another filter. */
  async function asking(ask: (page: (before: string | null, limit: number) => Promise<JobPageView>) => Promise<() => void>): Promise<void> {
    abort?.abort()
    const own = new AbortController()
    const wanted = filter.value
    abort = own
    loading.value = true
    heard.clear()
    try {
      const take = await ask((before, limit) => getJson<JobPageView>(address(wanted, limit, before), { signal: own.signal }))
      if (own !== abort || wanted !== filter.value) return
      const meanwhile = [...heard.values()]
      take()
      error.value = undefined
      onJobs(meanwhile)
    } catch (caught) {
      if (own === abort) error.value = caught
    } finally {
      if (own === abort) {
        loading.value = false
        heard.clear()
      }
    }
  }
  const first = (limit: number): Promise<void> =>
    asking(async (page) => {
      const answer = await page(null, limit)
      return () => replace(answer)
    })
  const following = (before: string): Promise<void> =>
    asking(async (page) => {
      const answer = await page(before, NEXT)
      return () => {
        // Where the end was let go meanwhile, this no longer follows on the last row.
        if (open.value) return
        append(answer.jobs)
        next.value = answer.next
        total.value = answer.total
      }
    })
  /** From the top down past the last row, to go on from there. */
  const rejoin = (): Promise<void> =>
    asking(async (page) => {
      const reach = ids.value.length + pending.value.size + 1
      const found: JobView[] = []
      let answer = await page(null, MOST)
      found.push(...answer.jobs)
      while (answer.next !== null && found.length < reach) {
        answer = await page(answer.next, MOST)
        found.push(...answer.jobs)
      }
      return () => {
        const last = rows.get(ids.value.at(-1) ?? '')?.updatedAt ?? ''
        const unlisted = found.filter(({ id }) => !listed.has(id) && !pending.value.has(id) && !rising.has(id))
        // What is newer than the last row does not follow on it: it waits at the top with the others.
        const newer = last === '' ? [] : unlisted.filter(({ updatedAt }) => updatedAt > last).slice(0, Math.max(0, MANY_PENDING - pending.value.size))
        newer.forEach(keep)
        if (newer.length > 0) pending.value = new Set([...pending.value, ...newer.map(({ id }) => id)])
        append(last === '' ? unlisted : unlisted.filter(({ updatedAt }) => updatedAt <= last))
        next.value = answer.next
        total.value = answer.total
        open.value = false
      }
    })

  function keep(job: JobView): void {
    const known = rows.get(job.id)
    if (!known || known.rev <= job.rev) rows.set(job.id, toRow(job))
  }
  function replace(answer: JobPageView): void {
    const found = answer.jobs
    rows.clear()
    rising.clear()
    listed.clear()
    found.forEach(keep)
    pending.value = new Set()
    ids.value = found.map(({ id }) => id)
    for (const id of ids.value) listed.add(id)
    next.value = answer.next
    total.value = answer.total
    open.value = false
    fresh.value = false
  }
  function append(found: JobView[]): void {
    found.forEach(keep)
    const more = found.map(({ id }) => id).filter((id) => !listed.has(id))
    for (const id of more) listed.add(id)
    ids.value = ids.value.concat(more)
  }
  /** Puts these, newest first, each before what is older: mostly at the top. */
  function raise(up: string[]): void {
    const moved = new Set(up)
    for (const id of up) listed.add(id)
    const merged: string[] = []
    let at = 0
    for (const id of ids.value) {
      if (moved.has(id)) continue
      for (let one = up[at]; one !== undefined && changedAt(one) >= changedAt(id); one = up[++at]) merged.push(one)
      merged.push(id)
    }
    ids.value = merged.concat(up.slice(at))
    if (ids.value.length > LONG && !away.value) letGo()
  }
  function letGo(): void {
    for (const id of ids.value.slice(KEPT)) {
      rows.delete(id)
      listed.delete(id)
    }
    ids.value = ids.value.slice(0, KEPT)
    open.value = true
  }
  function drop(out: ReadonlySet<string>): void {
    for (const id of out) listed.delete(id)
    ids.value = ids.value.filter((id) => !out.has(id))
    pending.value = new Set([...pending.value].filter((id) => !out.has(id)))
  }
  function onJobs(changed: JobView[]): void {
    if (loading.value) for (const job of changed) if ((heard.get(job.id)?.rev ?? 0) <= job.rev) heard.set(job.id, job)
    if (fresh.value) return
    const out = new Set<string>()
    for (const job of changed) {
      const before = rows.get(job.id)
      if (before && before.rev > job.rev) continue
      const row = toRow(job)
      if (!matches(row, filter.value)) {
        if (rows.delete(job.id)) out.add(job.id)
        continue
      }
      // Who is too many to wait is told of by number alone; what lies further down than the list reaches is asked for when it is scrolled to.
      if (before === undefined && (pending.value.size >= MANY_PENDING || isBeyond(row))) continue
      rows.set(job.id, row)
      if (before?.state !== row.state) rising.add(job.id)
    }
    if (out.size > 0) drop(out)
    if (rising.size > 0) rise ??= setTimeout(settle, rising.size > MUCH ? BUSY_MS : CALM_MS)
  }
  function settle(): void {
    rise = undefined
    const up = newestFirst(rising)
    rising.clear()
    if (up.length === 0) return
    if (away.value) pending.value = new Set([...pending.value, ...up])
    else raise(up)
  }
  const changedAt = (id: string): string => rows.get(id)?.updatedAt ?? ''
  function newestFirst(some: Iterable<string>): string[] {
    return [...some].filter((id) => rows.has(id)).sort((a, b) => (changedAt(a) < changedAt(b) ? 1 : -1))
  }
  function isBeyond({ updatedAt }: Row): boolean {
    const last = ids.value.at(-1)
    return last !== undefined && !complete.value && updatedAt < changedAt(last)
  }
  /** Brings what waited to the top. */
  function showPending(): void {
    if (pending.value.size >= MANY_PENDING) return void first(FIRST)
    const up = newestFirst(pending.value)
    pending.value = new Set()
    if (up.length > 0) raise(up)
  }
  const reload = (): Promise<void> => first(Math.min(MOST, Math.max(FIRST, ids.value.length)))
  function more(): void {
    if (loading.value || fresh.value || error.value !== undefined) return
    if (open.value) void rejoin()
    else if (next.value !== null) void following(next.value)
  }

  watch(filter, () => {
    fresh.value = true
    total.value = undefined
    void first(FIRST)
  })
  watch(away, (is) => {
    if (!is) showPending()
  })
  useConnection().whenLive(() => error.value !== undefined && void reload())
  const stop = jobs.listen({ onJobs, onWhole: () => void reload() })
  onScopeDispose(() => {
    stop()
    clearTimeout(rise)
    abort?.abort()
  })
  void first(FIRST)
  return { ids, rows, pending, unlisted, loading, fresh, error, complete, total, more, reload, showPending }
}
