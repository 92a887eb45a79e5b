// Files on their way from this browser to the daemon: a few at a time, each with its progress; they go on while other pages are shown.
import { defineStore } from 'pinia'
import { computed, shallowReactive } from 'vue'
import { segment } from '@/api/client'
import type { JobView, Problem } from '@/generated/api'
import { text } from '@/text'

export type UploadState = 'waiting' | 'sending' | 'done' | 'failed' | 'skipped' | 'stopped'

export interface Upload {
  id: number
  /** With the folders it came in. */
  label: string
  pipeline: string
  size: number
  state: UploadState
  /** 0 to 1. */
  sent: number
  job?: string
  reason?: string
  hint?: string
  retryable: boolean
}

const AT_ONCE = 3
const MAGIC = '%PDF-'
/** A header may come after up to this many bytes of something else. */
const MAGIC_WITHIN = 1024

const words = text.drop.reasons

export const useUploads = defineStore('uploads', () => {
  const all = shallowReactive(new Map<number, Upload>())
  const files = new Map<number, File>()
  const requests = new Map<number, XMLHttpRequest>()
  let nextId = 1
  let active = 0

  const list = computed(() => [...all.values()])
  const count = (...states: UploadState[]): number => list.value.filter(({ state }) => states.includes(state)).length
  const busy = computed(() => count('waiting', 'sending') > 0)
  const summary = computed(() => {
    const wanted = list.value.filter(({ state }) => state !== 'skipped' && state !== 'stopped')
    const size = wanted.reduce((total, upload) => total + upload.size, 0)
    const sent = wanted.reduce((total, upload) => total + upload.size * (upload.state === 'done' || upload.state === 'failed' ? 1 : upload.sent), 0)
    return { total: list.value.length, done: count('done'), failed: count('failed'), left: count('skipped'), value: size === 0 ? 1 : sent / size }
  })

  function change(id: number, to: Partial<Upload>): void {
    const upload = all.get(id)
    if (upload) all.set(id, { ...upload, ...to })
  }
  function add(pipeline: string, found: { file: File; label: string }[]): void {
    for (const { file, label } of found) {
      const id = nextId
      nextId += 1
      files.set(id, file)
      all.set(id, { id, label, pipeline, size: file.size, state: 'waiting', sent: 0, retryable: false })
    }
    pump()
  }
  function pump(): void {
    for (const upload of all.values()) {
      if (active >= AT_ONCE) return
      if (upload.state === 'waiting') void start(upload)
    }
  }
  async function start({ id, pipeline }: Upload): Promise<void> {
    const file = files.get(id)
    if (!file) return
    active += 1
    change(id, { state: 'sending', sent: 0, reason: undefined, hint: undefined })
    const wrong = await unfit(file)
    if (wrong !== undefined) change(id, { state: 'skipped', reason: wrong })
    else if (all.get(id)?.state === 'sending') await send(id, pipeline, file)
    active -= 1
    pump()
  }
  function send(id: number, pipeline: string, file: File): Promise<void> {
    return new Promise((resolve) => {
      // `fetch` tells no progress of what it sends.
      const request = new XMLHttpRequest()
      requests.set(id, request)
      request.upload.onprogress = ({ loaded, total }) => change(id, { sent: total > 0 ? loaded / total : 0 })
      request.onload = () => change(id, answer(request))
      request.onerror = () => change(id, { state: 'failed', reason: words.network, hint: words.networkHint, retryable: true })
      request.onloadend = () => {
        requests.delete(id)
        if (all.get(id)?.state === 'done') files.delete(id)
        resolve()
      }
      request.open('POST', `/api/v1/pipelines/${segment(pipeline)}/jobs?name=${segment(file.name)}`)
      request.setRequestHeader('Content-Type', 'application/pdf')
      request.setRequestHeader('Accept', 'application/json')
      request.send(file)
    })
  }
  function retry(id: number): void {
    change(id, { state: 'waiting', sent: 0 })
    pump()
  }
  function retryFailed(): void {
    for (const { id, state } of list.value) if (state === 'failed') change(id, { state: 'waiting', sent: 0 })
    pump()
  }
  function stop(id: number): void {
    change(id, { state: 'stopped', retryable: true })
    requests.get(id)?.abort()
  }
  function clear(): void {
    for (const { id, state } of list.value) {
      if (state === 'waiting' || state === 'sending') continue
      all.delete(id)
      files.delete(id)
    }
  }
  return { list, busy, summary, add, retry, retryFailed, stop, clear }
})

/** Why a file need not be sent at all. */
async function unfit(file: File): Promise<string | undefined> {
  if (file.size === 0) return words.empty
  try {
    const head = new TextDecoder('latin1').decode(await file.slice(0, MAGIC_WITHIN).arrayBuffer())
    return head.includes(MAGIC) || /\.pdf$/i.test(file.name) ? undefined : words.notPdf
  } catch {
    return words.unreadable
  }
}

function answer(request: XMLHttpRequest): Partial<Upload> {
  const body = parse(request.responseText)
  if (request.status >= 200 && request.status < 300) {
    const job = (body as Partial<JobView> | undefined)?.id
    return { state: 'done', sent: 1, ...(job === undefined ? {} : { job }) }
  }
  const problem = body as Partial<Problem> | undefined
  return {
    state: 'failed',
    reason: problem?.detail ?? problem?.title ?? `${request.status} ${request.statusText}`.trim(),
    hint: problem?.hint ?? undefined,
    retryable: true,
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
