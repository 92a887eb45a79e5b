// Light, dark, or as the system says; kept in this browser.
import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'dropleaf.theme'

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const useTheme = defineStore('theme', () => {
  const theme = ref<Theme>(stored())
  watch(
    theme,
    (value) => {
      if (value === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = value
      try {
        localStorage.setItem(KEY, value)
      } catch {
        // A browser that keeps nothing still shows the theme until it is closed.
      }
    },
    { immediate: true },
  )
  return { theme }
})
