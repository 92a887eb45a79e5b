// Which plugins and operations are installed; asked for anew when the feed tells that one came or broke.
import { defineStore } from 'pinia'
import { shallowRef, watch } from 'vue'
import { getJson } from '@/api/client'
import type { OperationView, PluginListView } from '@/generated/api'
import { useOverview } from './overview'

export const useInstalled = defineStore('installed', () => {
  const overview = useOverview()
  const operations = shallowRef<OperationView[]>()
  const plugins = shallowRef<PluginListView>()
  const error = shallowRef<unknown>()
  let wanted = false

  async function load(): Promise<void> {
    wanted = true
    try {
      const [list, installed] = await Promise.all([getJson<OperationView[]>('operations'), getJson<PluginListView>('plugins')])
      operations.value = list
      plugins.value = installed
      error.value = undefined
    } catch (caught) {
      error.value = caught
    }
  }
  // The overview asks for the daemon's health after every fact about a plugin, and after every reconnect.
  watch(
    () => overview.health,
    () => {
      if (wanted) void load()
    },
  )
  return { operations, plugins, error, load }
})
