// The list of files under one filter: pages from the API by cursor, kept true by the feed.
//
// Newest change first. A file goes to the top when its state changes, not at every step: a list that people read must be calm.
// Where the reader has scrolled down, what would move under the eye waits until it is asked for.
import { computed, onUnmounted, ref, shallowReactive, shallowRef, watch, type Ref } from 'vue'
import { getJson } from '@/api/client'
import type { JobPageView, JobView } from '@/generated/api'
import { useConnection } from '@/stores/connection'
import { useJobs } from '@/stores/jobs'
import { OPEN_STATES } from '@/stores/overview'

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
}

const FIRST = 100
const NEXT = 400
/** The order changes at most so often, however much happens. */
const CALM_MS = 300

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
  }
}

export function matches(row: Row, { state, pipeline, q }: Filter): boolean {
  if (pipeline !== '' && row.pipeline !== pipeline) return false
  if (q !== '' && !row.name.toLowerCase().includes(q.toLowerCase())) return false
  if (state === '') return true
  const wanted = state.split(',').flatMap((word) => (word === 'open' ? [...OPEN_STATES] : word === 'ended' ? ['succeeded', 'failed', 'cancelled'] : [word]))
  return wanted.includes(row.state)
}

function address(filter: Filter, limit: number, before: string | null): string {
  const query = new URLSearchParams({ order: 'changed', limit: String(limit) })
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
  const rising = new Set<string>()
  let abort: AbortController | undefined
  let rise: ReturnType<typeof setTimeout> | undefined

  const complete = computed(() => !fresh.value && next.value === null)

  async function page(before: string | null, limit: number): Promise<void> {
    abort?.abort()
    const own = new AbortController()
    abort = own
    loading.value = true
    try {
      const answer = await getJson<JobPageView>(address(filter.value, limit, before), { signal: own.signal })
      if (own !== abort) return
      if (before === null) replace(answer.jobs)
      else append(answer.jobs)
      next.value = answer.next
      error.value = undefined
      fresh.value = false
    } catch (caught) {
      if (own === abort) error.value = caught
    } finally {
      if (own === abort) loading.value = false
    }
  }
  function keep(job: JobView): void {
    const known = rows.get(job.id)
    if (!known || known.rev <= job.rev) rows.set(job.id, toRow(job))
  }
  function replace(found: JobView[]): void {
    rows.clear()
    rising.clear()
    found.forEach(keep)
    pending.value = new Set()
    ids.value = found.map(({ id }) => id)
  }
  function append(found: JobView[]): void {
    const there = new Set(ids.value)
    found.forEach(keep)
    ids.value = [...ids.value, ...found.map(({ id }) => id).filter((id) => !there.has(id))]
  }
  function raise(up: string[]): void {
    const moved = new Set(up)
    ids.value = [...up, ...ids.value.filter((id) => !moved.has(id))]
  }
  function onJobs(changed: JobView[]): void {
    if (fresh.value) return
    const up: string[] = []
    const out = new Set<string>()
    for (const job of changed) {
      const before = rows.get(job.id)
      if (before && before.rev > job.rev) continue
      const row = toRow(job)
      if (!matches(row, filter.value)) {
        if (rows.delete(job.id)) out.add(job.id)
        continue
      }
      rows.set(job.id, row)
      if (before?.state !== row.state) up.push(job.id)
    }
    if (out.size > 0) {
      ids.value = ids.value.filter((id) => !out.has(id))
      pending.value = new Set([...pending.value].filter((id) => !out.has(id)))
    }
    if (up.length === 0) return
    for (const id of up) rising.add(id)
    rise ??= setTimeout(settle, CALM_MS)
  }
  function settle(): void {
    rise = undefined
    const up = newestFirst(rising)
    rising.clear()
    if (up.length === 0) return
    if (away.value) pending.value = new Set([...pending.value, ...up])
    else raise(up)
  }
  function newestFirst(some: Iterable<string>): string[] {
    const at = (id: string): string => rows.get(id)?.updatedAt ?? ''
    return [...some].filter((id) => rows.has(id)).sort((a, b) => (at(a) < at(b) ? 1 : -1))
  }
  /** Brings what waited to the top. */
  function showPending(): void {
    const up = newestFirst(pending.value)
    pending.value = new Set()
    if (up.length > 0) raise(up)
  }
  const reload = (): Promise<void> => page(null, Math.min(500, Math.max(FIRST, ids.value.length)))
  function more(): void {
    if (!loading.value && !fresh.value && next.value !== null && error.value === undefined) void page(next.value, NEXT)
  }

  watch(filter, () => {
    fresh.value = true
    void page(null, FIRST)
  })
  watch(away, (is) => {
    if (!is) showPending()
  })
  useConnection().whenLive(() => error.value !== undefined && void reload())
  const stop = jobs.listen({ onJobs, onWhole: () => void reload() })
  onUnmounted(() => {
    stop()
    clearTimeout(rise)
    abort?.abort()
  })
  void page(null, FIRST)
  return { ids, rows, pending, loading, fresh, error, complete, more, reload, showPending }
}
