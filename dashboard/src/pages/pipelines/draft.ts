// A pipeline's text while it is edited: what the file said when the edit began, what stands in the editor now, what the checker says
// of it, and what to do when somebody else changes the file meanwhile.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError, getJson, segment, send } from '@/api/client'
import type { CheckView, FaultView, GraphView, PipelineView, Problem, PutView } from '@/generated/api'

/** So long after the last key the text is checked. */
const CHECK_MS = 250

export interface Conflict {
  /** What the file says now. */
  theirs: string
  tag: string
  mine: string
}

export function useDraft(id: Ref<string>) {
  const view = shallowRef<PipelineView>()
  const text = ref('')
  /** The file's text and tag that the edit began from; no tag: there was no file. */
  const base = shallowRef<{ yaml: string; tag?: string }>({ yaml: '' })
  /** What the checker, or a refused save, says of the text. */
  const found = shallowRef<FaultView[]>([])
  const graph = shallowRef<GraphView>()
  const state = ref<'idle' | 'checking' | 'checked' | 'unchecked'>('idle')
  const error = shallowRef<unknown>()
  const missing = ref(false)
  const saving = ref(false)
  const conflict = shallowRef<Conflict>()
  /** The file is not what the edit began from any more. */
  const changed = ref<'no' | 'changed' | 'gone'>('no')
  const dirty = computed(() => text.value !== base.value.yaml || (base.value.tag === undefined && text.value !== ''))
  /**
   * Of a text that is the file's, what the daemon says of the file comes first: it has read the bytes, and the text here may be without
   * their fault (what is no UTF-8 arrives mended).
   */
  const faults = computed(() => {
    const own = !dirty.value && view.value !== undefined && view.value.tag === base.value.tag ? view.value.faults : []
    return own.length > 0 ? own : found.value
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  let request: AbortController | undefined
  let generation = 0

  function begin(yaml: string, tag?: string): void {
    base.value = { yaml, ...(tag === undefined ? {} : { tag }) }
    text.value = yaml
    changed.value = 'no'
    conflict.value = undefined
  }
  /** Reads the pipeline; a text that is being edited is not touched. */
  async function load(): Promise<void> {
    const own = ++generation
    try {
      const read = await getJson<PipelineView>(`pipelines/${segment(id.value)}`)
      if (own !== generation) return
      const first = view.value === undefined && base.value.tag === undefined
      view.value = read
      error.value = undefined
      missing.value = false
      if (read.tag === base.value.tag) return
      if ((first && text.value === '') || !dirty.value) begin(read.yaml ?? '', read.tag)
      else if (read.yaml === text.value) {
        base.value = { yaml: text.value, tag: read.tag }
        changed.value = 'no'
      } else changed.value = 'changed'
    } catch (caught) {
      if (own !== generation) return
      if (caught instanceof ApiError && caught.status === 404) {
        if (base.value.tag !== undefined && dirty.value) vanish()
        else missing.value = base.value.tag !== undefined || text.value === ''
        view.value = undefined
      } else error.value = caught
    }
  }
  /** The file is not there any more. Nothing of anybody is overwritten by writing it again. */
  function vanish(): void {
    conflict.value = undefined
    base.value = { yaml: '' }
    changed.value = 'gone'
  }
  /** Begins a pipeline that does not exist. */
  function create(yaml: string): void {
    missing.value = false
    base.value = { yaml: '' }
    text.value = yaml
  }

  async function check(): Promise<void> {
    request?.abort()
    const own = (request = new AbortController())
    state.value = 'checking'
    try {
      const answer = await getJson<CheckView>(`pipelines/check?id=${segment(id.value)}`, { method: 'POST', body: text.value, headers: { 'Content-Type': 'application/yaml' }, signal: own.signal })
      if (own !== request) return
      found.value = answer.faults
      if (answer.graph) graph.value = answer.graph
      state.value = 'checked'
    } catch {
      if (own === request) state.value = 'unchecked'
    }
  }
  watch(text, () => {
    clearTimeout(timer)
    timer = setTimeout(() => void check(), CHECK_MS)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    request?.abort()
  })

  /** Writes the text; whether it is in the file now. What the file said otherwise becomes the `conflict`. */
  async function save(yaml = text.value, tag = base.value.tag): Promise<PutView | undefined> {
    if (saving.value) return undefined
    saving.value = true
    try {
      const condition: Record<string, string> = tag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${tag}"` }
      const saved = await getJson<PutView>(`pipelines/${segment(id.value)}`, { method: 'PUT', body: yaml, headers: { 'Content-Type': 'application/yaml', ...condition } })
      begin(yaml, saved.tag)
      found.value = []
      void load()
      return saved
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      if (caught.status === 412) await collide(yaml, caught.problem as Problem | undefined)
      else if (caught.status === 422 && caught.problem?.errors) found.value = caught.problem.errors
      else throw caught
      return undefined
    } finally {
      saving.value = false
    }
  }
  async function collide(mine: string, problem: Problem | undefined): Promise<void> {
    let current = problem?.current
    if (current === undefined) {
      const answer = await send(`pipelines/${segment(id.value)}`).catch((caught: unknown) => {
        if (caught instanceof ApiError && caught.status === 404) return undefined
        throw caught
      })
      const read = answer && ((await answer.json()) as PipelineView)
      current = read ? { yaml: read.yaml ?? '', tag: read.tag } : null
    }
    if (current === null) {
      vanish()
      text.value = mine
    } else conflict.value = { theirs: current.yaml, tag: current.tag, mine }
  }
  /** Shows both texts before anything is saved. */
  function compare(): void {
    if (view.value) conflict.value = { theirs: view.value.yaml ?? '', tag: view.value.tag, mine: text.value }
  }
  /** Leaves one's own text. */
  function takeTheirs(): void {
    if (conflict.value) begin(conflict.value.theirs, conflict.value.tag)
  }
  /** Overwrites the file that was shown. */
  async function keepMine(mine: string): Promise<PutView | undefined> {
    const shown = conflict.value
    if (!shown) return undefined
    conflict.value = undefined
    text.value = mine
    return save(mine, shown.tag)
  }
  const revert = (): void => {
    text.value = base.value.yaml
  }
  return { view, text, base, faults, graph, state, error, missing, saving, conflict, changed, dirty, load, create, check, save, compare, takeTheirs, keepMine, revert }
}

export type Draft = ReturnType<typeof useDraft>
