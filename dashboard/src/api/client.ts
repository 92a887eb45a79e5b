// Requests to the daemon: JSON in, JSON out, every refusal an `ApiError` that says what to do.
import type { Problem } from '@/generated/api'
import { text } from '@/text'

/** A request that was refused, or that nobody answered. */
export class ApiError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number
  /** The problem document, where the daemon sent one. */
  readonly problem: Problem | undefined
  readonly hint: string | undefined

  constructor(status: number, message: string, problem?: Problem, hint?: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.problem = problem
    this.hint = problem?.hint ?? hint
  }
}

export interface RequestOptions {
  method?: string
  body?: BodyInit
  json?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** What hears that a request was answered 401. */
let onUnauthorized: () => void = () => {}
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener
}

/** Sends a request; an answer that is no success is thrown as an `ApiError`. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  let body = options.body
  if (options.json !== undefined) {
    body = JSON.stringify(options.json)
    headers['Content-Type'] = 'application/json'
  }
  let response: Response
  try {
    response = await fetch(path.startsWith('/') ? path : `/api/v1/${path}`, {
      method: options.method ?? 'GET',
      headers,
      ...(body === undefined ? {} : { body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError(0, text.common.noAnswer, undefined, text.common.noAnswerHint)
  }
  if (response.ok || response.status === 304) return response
  if (response.status === 401) onUnauthorized()
  throw await refusal(response)
}

/** A JSON answer. */
export async function getJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(path, options)
  try {
    return (await response.json()) as T
  } catch {
    throw new ApiError(response.status, text.common.unreadable)
  }
}

/** A POST that brings nothing and whose answer does not matter. */
export async function command(path: string, json?: unknown): Promise<void> {
  await send(path, { method: 'POST', ...(json === undefined ? {} : { json }) })
}

async function refusal(response: Response): Promise<ApiError> {
  const type = response.headers.get('content-type') ?? ''
  if (type.includes('json')) {
    const problem = (await response.json().catch(() => undefined)) as Problem | undefined
    if (problem && typeof problem.title === 'string') {
      return new ApiError(response.status, problem.detail || problem.title, problem)
    }
  }
  if (response.status === 404) return new ApiError(404, text.common.notThere, undefined, text.common.notThereHint)
  if (response.status >= 502 && response.status <= 504) {
    return new ApiError(response.status, text.common.noAnswer, undefined, text.common.noAnswerHint)
  }
  return new ApiError(response.status, `${response.status} ${response.statusText}`.trim())
}

/** A path segment of a URL. */
export const segment = (value: string): string => encodeURIComponent(value)
