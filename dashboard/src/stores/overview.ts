// Pipelines, counts and the daemon's own state, by the feed where it tells and by request where it does not.
import { defineStore } from 'pinia'
import { computed, onActivated, onDeactivated, onMounted, onUnmounted, shallowReactive, shallowRef } from 'vue'
import { getJson } from '@/api/client'
import type { Patch, Pipeline } from '@/feed/types'
import type { HealthView, PipelineListView, PipelineView, StatsView } from '@/generated/api'
import { natural, quoted } from '@/names'
import { text } from '@/text'

export const OPEN_STATES = ['claiming', 'queued', 'running', 'waiting', 'delivering'] as const
export const ENDED_STATES = ['succeeded', 'failed', 'cancelled'] as const

/** After a fact of the feed, this long passes before what it changed is asked for: many facts, one request. */
const SETTLE_MS = 300

export const useOverview = defineStore('overview', () => {
  /** As the feed tells them. */
  const live = shallowReactive(new Map<string, Pipeline>())
  /** As `/pipelines` tells them, with what the feed leaves out. */
  const details = shallowReactive(new Map<string, PipelineView>())
  const counters = shallowRef<Record<string, number>>({})
  const stats = shallowRef<StatsView>()
  const health = shallowRef<HealthView>()
  const error = shallowRef<unknown>()
  const loaded = shallowRef(false)
  /** Failed jobs since the page was opened or looked at, for the tab's title. */
  const openFailures = shallowRef(0)
  let timer: ReturnType<typeof setTimeout> | undefined

  const pipelines = computed(() =>
    [...new Set([...live.keys(), ...details.keys()])].sort(natural).map((id) => ({ id, live: live.get(id), view: details.get(id), stats: stats.value?.pipelines.find(({ pipeline }) => pipeline === id) })),
  )

  /** What can be chosen of, with the one that an address names: files outlive a pipeline that is removed or renamed. */
  function choices(named: string): { id: string; label: string }[] {
    const there = pipelines.value.map(({ id }) => ({ id, label: id }))
    if (named === '' || there.some(({ id }) => id === named)) return there
    return [...there, { id: named, label: loaded.value ? text.common.gonePipeline(quoted(named)) : quoted(named) }]
  }
  /** The jobs of a pipeline by state, also of one that is gone; nothing where that is not known. */
  function jobsOf(id: string): Record<string, number> | undefined {
    return live.get(id)?.jobs ?? details.get(id)?.jobs ?? stats.value?.pipelines.find(({ pipeline }) => pipeline === id)?.jobs
  }

  async function refresh(): Promise<void> {
    try {
      const [list, state] = await Promise.all([getJson<PipelineListView>('pipelines'), getJson<HealthView>('healthz')])
      const ids = new Set(list.pipelines.map(({ id }) => id))
      for (const id of details.keys()) if (!ids.has(id)) details.delete(id)
      for (const view of list.pipelines) details.set(view.id, view)
      health.value = state
      error.value = undefined
      loaded.value = true
    } catch (caught) {
      error.value = caught
    }
  }
  function refreshSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      void refresh()
    }, SETTLE_MS)
  }
  function apply(patch: Patch): void {
    if (patch.whole) live.clear()
    for (const pipeline of patch.pipelines) live.set(pipeline.id, pipeline)
    for (const id of patch.removedPipelines) {
      live.delete(id)
      details.delete(id)
    }
    if (patch.counters) counters.value = patch.counters
    if (patch.stats) stats.value = patch.stats
    if (patch.whole || patch.facts.some((fact) => /^(pipeline|watch|plugin|daemon)\./.test(fact))) refreshSoon()
    const failed = patch.facts.filter((fact) => fact === 'job.failed').length
    if (failed > 0 && document.visibilityState === 'hidden') openFailures.value += failed
  }
  function looked(): void {
    openFailures.value = 0
  }
  return { live, details, counters, stats, health, error, loaded, openFailures, pipelines, choices, jobsOf, refresh, refreshSoon, apply, looked }
})

/** What the feed does not tell (descriptions, faults) is asked for when the component comes on the screen, and when the feed says that it changed. */
export function useFreshOverview(): void {
  const overview = useOverview()
  let here = false
  function begin(): void {
    if (here) return
    here = true
    void overview.refresh()
  }
  const end = (): void => void (here = false)
  onMounted(begin)
  onActivated(begin)
  onDeactivated(end)
  onUnmounted(end)
}
