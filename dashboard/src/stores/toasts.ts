// Short messages at the edge of the page: what was done, and what could not be.
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { ApiError } from '@/api/client'
import { visibleText } from '@/names'

export interface Toast {
  id: number
  tone: 'good' | 'bad'
  title: string
  detail?: string
}

const GOOD_MS = 4000

export const useToasts = defineStore('toasts', () => {
  const list = ref<Toast[]>([])
  let next = 1

  function add(tone: Toast['tone'], title: string, detail?: string): void {
    const toast: Toast = { id: next, tone, title, ...(detail ? { detail } : {}) }
    next += 1
    // What failed stays until it is closed.
    list.value = [...list.value.slice(-4), toast]
    if (tone === 'good') setTimeout(() => close(toast.id), GOOD_MS)
  }
  function close(id: number): void {
    list.value = list.value.filter((toast) => toast.id !== id)
  }
  const success = (title: string): void => add('good', title)
  function error(title: string, cause?: unknown): void {
    const detail = cause instanceof ApiError ? [cause.message, cause.hint].filter(Boolean).join('. ') : cause === undefined ? undefined : String(cause)
    add('bad', title, detail && visibleText(detail))
  }
  return { list, success, error, close }
})
