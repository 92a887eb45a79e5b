// Numbers, sizes and times as people read them: in the language of the page, as the browser's owner writes it, and in his time zone.

/** English as the browser prefers it; who prefers none gets days before months and 24 hours. */
const LOCALE = globalThis.navigator?.languages?.find((language) => /^en\b/i.test(language)) ?? 'en-GB'

const plain = new Intl.NumberFormat(LOCALE)
const one = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const full = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto', style: 'short' })

export const number = (value: number): string => plain.format(value)

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
export function bytes(value: number): string {
  let unit = 0
  let rest = value
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024
    unit += 1
  }
  return `${unit === 0 || rest >= 100 ? plain.format(Math.round(rest)) : one.format(rest)} ${UNITS[unit]}`
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 10_000) return `${one.format(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `10 s ago`, `yesterday`; past and future. */
export function ago(at: string | number, now: number): string {
  const then = typeof at === 'number' ? at : Date.parse(at)
  if (Number.isNaN(then)) return ''
  const seconds = Math.round((then - now) / 1000)
  const size = Math.abs(seconds)
  if (size < 5) return relative.format(0, 'second')
  if (size < 60) return relative.format(Math.trunc(seconds / 5) * 5, 'second')
  if (size < 3600) return relative.format(Math.trunc(seconds / 60), 'minute')
  if (size < 86_400) return relative.format(Math.trunc(seconds / 3600), 'hour')
  if (size < 7 * 86_400) return relative.format(Math.trunc(seconds / 86_400), 'day')
  return day.format(then)
}

export const time = (at: string | number): string => clock.format(typeof at === 'number' ? at : Date.parse(at))
export const moment = (at: string | number): string => full.format(typeof at === 'number' ? at : Date.parse(at))

/** The start of a hash or revision: enough to tell two apart. */
export const short = (hash: string): string => hash.slice(0, 10)

/** The last part of a path. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
