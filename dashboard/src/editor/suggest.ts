// What may stand at a place of a pipeline, by the schema that the daemon serves.
import { branches, choices, follow, kind, type Schema } from '@/schema/schema'
import { text } from '@/text'
import type { Mapping, Place } from './place'

export interface Suggestion {
  label: string
  /** What is written in its place. */
  insert: string
  detail?: string
  about?: string
  /** Higher stands first. */
  boost: number
  type: 'property' | 'enum' | 'constant' | 'text'
  /** It is worth asking again for what follows at once. */
  more: boolean
}

/** What a word of the text means. */
export interface Meaning {
  name: string
  kind: string
  about: string
  fallback?: string
}

/** Whether a condition of the schema, such as "`uses` is one of these", holds for a mapping of the text. */
function holds(condition: Schema, mapping: Mapping | undefined): boolean {
  return Object.entries(condition.properties ?? {}).every(([name, wanted]) => {
    const value = mapping?.scalars.get(name)
    if (value === undefined) return false
    return wanted.const !== undefined ? wanted.const === value : (wanted.enum ?? [value]).includes(value)
  })
}

/** All schemas of one place, with those that depend on what stands beside it. */
function open(schema: Schema, root: Schema, mapping: Mapping | undefined): Schema[] {
  return branches(schema, root).flatMap((part) => {
    const conditional = (part.allOf ?? []).filter((one) => one.if && one.then && holds(one.if, mapping))
    return [part, ...conditional.flatMap((one) => branches(one.then ?? {}, root))]
  })
}

/** The schemas of what a path leads to. */
export function schemasAt(root: Schema, path: readonly (string | number)[], around: Place['around']): Schema[] {
  let here: Schema[] = [root]
  const mappingAt = (depth: number): Mapping | undefined => around.find((one) => one.depth === depth)?.mapping
  for (const [depth, name] of path.entries()) {
    const opened = here.flatMap((schema) => open(schema, root, mappingAt(depth)))
    here = opened.flatMap((schema) => {
      const inner = typeof name === 'number' ? schema.items : (schema.properties?.[name] ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined))
      return inner ? [inner] : []
    })
  }
  return here.flatMap((schema) => open(schema, root, mappingAt(path.length)))
}

const words = (): Record<string, string> => text.schemaWords
const describe = (schema: Schema, root: Schema): string => branches(schema, root).map((part) => part.description).find((about) => about !== undefined) ?? ''
const types = (schema: Schema, root: Schema): string[] => branches(schema, root).flatMap((part) => part.type ?? [])
const scalar = (value: unknown): string => (typeof value === 'string' && !/^[A-Za-z][A-Za-z0-9 _./-]*$/.test(value) ? JSON.stringify(value) : typeof value === 'string' ? value : JSON.stringify(value))

function keyText(name: string, schema: Schema, root: Schema, place: Place): string {
  if (place.flow) return `${name}: `
  const found = types(schema, root)
  const below = `\n${' '.repeat(place.indent + 2)}`
  if (found.includes('array') && branches(schema, root).some((part) => types(part.items ?? {}, root).includes('object'))) return `${name}:${below}- `
  if (found.includes('object') && !found.includes('string')) return `${name}:${below}`
  return `${name}: `
}

function keys(place: Place, root: Schema): Suggestion[] {
  const taken = place.around.find(({ depth }) => depth === place.path.length)?.mapping.keys ?? new Set<string>()
  const seen = new Set<string>()
  return schemasAt(root, place.path, place.around).flatMap((schema) =>
    Object.entries(schema.properties ?? {}).flatMap(([name, inner]): Suggestion[] => {
      if (seen.has(name) || (taken.has(name) && name !== place.typed)) return []
      seen.add(name)
      const about = describe(inner, root)
      const required = schema.required?.includes(name) ?? false
      return [{ label: name, insert: keyText(name, inner, root, place), detail: kind(inner, root, words()), ...(about ? { about } : {}), boost: required ? 2 : 0, type: 'property', more: true }]
    }),
  )
}

function values(place: Place, root: Schema): Suggestion[] {
  const schemas = schemasAt(root, place.path, place.around)
  const found = new Map<string, Suggestion>()
  const add = (value: unknown, boost: number, type: Suggestion['type'], about?: string): void => {
    if (value === null || typeof value === 'object' || found.has(String(value))) return
    found.set(String(value), { label: String(value), insert: scalar(value), ...(about ? { about, detail: about } : {}), boost, type, more: false })
  }
  for (const schema of schemas) {
    for (const { value, description } of choices(schema, root)) add(value, description ? 2 : 1, 'enum', description)
    if ([schema.type].flat().includes('boolean')) for (const value of [true, false]) add(value, 1, 'constant')
    if (schema.default !== undefined) add(schema.default, 1, 'constant')
    for (const value of schema.examples ?? []) add(value, 0, 'text')
  }
  return [...found.values()]
}

/** What may be written at a place. */
export const suggestions = (place: Place, root: Schema): Suggestion[] => (place.role === 'key' ? keys(place, root) : values(place, root))

/** What the key or value at a path is for. `word` is what stands there. */
export function meaning(place: Place, word: string, root: Schema): Meaning | undefined {
  const path = place.role === 'key' ? [...place.path, word] : place.path
  const schemas = schemasAt(root, path, place.around)
  const first = schemas[0]
  if (!first) return undefined
  if (place.role === 'value') {
    const choice = schemas.flatMap((schema) => choices(schema, root)).find(({ value }) => String(value) === word)
    if (choice?.description) return { name: word, kind: '', about: choice.description }
  }
  const own = follow(first, root)
  const fallback = schemas.map((schema) => schema.default).find((value) => value !== undefined && value !== null)
  return {
    name: String(path.at(-1) ?? ''),
    kind: kind(own, root, words()),
    about: schemas.map((schema) => schema.description).find((about) => about !== undefined) ?? '',
    ...(fallback === undefined ? {} : { fallback: typeof fallback === 'string' ? fallback : JSON.stringify(fallback) }),
  }
}
