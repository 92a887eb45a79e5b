// Jobs by id, and how far the running ones are: what the feed tells and what the pages asked for, the newer of the two.
import { defineStore } from 'pinia'
import { onActivated, onDeactivated, onUnmounted, shallowReactive, shallowRef, watch } from 'vue'
import { command, getJson, segment } from '@/api/client'
import type { Patch, Progress } from '@/feed/types'
import type { LiveLine, JobView } from '@/generated/api'

/** Somebody who wants to know which jobs changed their state, and when all that is shown may have changed. */
export interface JobsListener {
  onJobs?(jobs: JobView[]): void
  onWhole?(): void
  /** Names of all events but progress, log lines and figures: of jobs, files, folders, pipelines, plugins. */
  onFacts?(facts: string[]): void
  onLog?(job: string, lines: LiveLine[]): void
}

export const useJobs = defineStore('jobs', () => {
  const byId = shallowReactive(new Map<string, JobView>())
  const progress = shallowReactive(new Map<string, Progress>())
  /** Whether the feed has said how things are. */
  const ready = shallowRef(false)
  const listeners = new Set<JobsListener>()
  /** Jobs that a page shows; all others are forgotten when they are over. */
  const held = new Map<string, number>()
  /** The jobs whose progress is on the screen, by who shows it; the feed tells of no other. */
  const shown = new Map<symbol, readonly string[]>()
  let ask: (jobs: string[]) => void = () => {}

  function put(job: JobView, force = false): boolean {
    const known = byId.get(job.id)
    if (known && !force && known.rev > job.rev) return false
    byId.set(job.id, job)
    if (job.state !== 'running') progress.delete(job.id)
    return true
  }
  function apply(patch: Patch): void {
    if (patch.whole) {
      progress.clear()
      // Who sends all may be new, and not know yet what is looked at.
      askForShown()
      const told = new Set(patch.jobs.map(({ id }) => id))
      for (const id of byId.keys()) if (!told.has(id) && !held.has(id)) byId.delete(id)
      ready.value = true
    }
    const changed = patch.jobs.filter((job) => put(job, patch.whole))
    for (const id of patch.settled) progress.delete(id)
    for (const item of patch.progress) progress.set(item.job, item)
    for (const listener of listeners) {
      if (patch.whole) listener.onWhole?.()
      if (changed.length > 0) listener.onJobs?.(changed)
      if (patch.facts.length > 0) listener.onFacts?.(patch.facts)
      for (const { job, lines } of patch.logs) listener.onLog?.(job, lines)
    }
    forget(changed)
  }
  /** Keeps the page's memory flat: ended jobs that no page shows are dropped. */
  function forget(changed: JobView[]): void {
    for (const { id, state } of changed) {
      if (!held.has(id) && (state === 'succeeded' || state === 'failed' || state === 'cancelled')) byId.delete(id)
    }
  }
  function listen(listener: JobsListener): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  function show(who: symbol, ids: readonly string[]): void {
    const before = shown.get(who) ?? []
    if (before.length === ids.length && before.every((id, index) => id === ids[index])) return
    if (ids.length === 0) shown.delete(who)
    else shown.set(who, ids)
    const all = askForShown()
    for (const id of progress.keys()) if (!all.has(id)) progress.delete(id)
  }
  function askForShown(): Set<string> {
    const all = new Set([...shown.values()].flat())
    ask([...all])
    return all
  }
  /** Where the feed is asked to tell how far these jobs are. */
  function onShown(tell: (jobs: string[]) => void): void {
    ask = tell
  }
  function hold(id: string): void {
    held.set(id, (held.get(id) ?? 0) + 1)
  }
  function release(id: string): void {
    const left = (held.get(id) ?? 1) - 1
    if (left > 0) held.set(id, left)
    else {
      held.delete(id)
      const job = byId.get(id)
      if (job) forget([job])
    }
  }
  /** Asks for one job. */
  async function load(id: string): Promise<JobView> {
    const job = await getJson<JobView>(`jobs/${segment(id)}`)
    put(job)
    return job
  }
  const act = (id: string, what: 'cancel' | 'retry'): Promise<void> => command(`jobs/${segment(id)}/${what}`)
  const restore = (id: string): Promise<{ path: string }> => getJson(`jobs/${segment(id)}/restore`, { method: 'POST' })

  return { byId, progress, ready, put, apply, listen, show, onShown, hold, release, load, act, restore }
})

/** While the component is on the screen, the feed tells how far these jobs are. */
export function useProgressOf(ids: () => readonly string[]): void {
  const jobs = useJobs()
  const who = Symbol('who shows progress')
  let here = true
  const say = (): void => jobs.show(who, here ? ids() : [])
  const visible = (is: boolean) => (): void => {
    here = is
    say()
  }
  watch(ids, say, { immediate: true })
  onActivated(visible(true))
  onDeactivated(visible(false))
  onUnmounted(visible(false))
}
