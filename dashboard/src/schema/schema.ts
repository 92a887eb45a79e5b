// JSON Schema (2020-12) as far as pipelines and operations use it: what a place may hold, said for people and for the editor.

export interface Schema {
  $ref?: string
  $defs?: Record<string, Schema>
  type?: string | string[]
  description?: string
  title?: string
  default?: unknown
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  if?: Schema
  then?: Schema
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
  format?: string
  'x-dropleaf-kind'?: string
  'x-dropleaf-variables'?: string[]
  'x-dropleaf-templates'?: Templates
}

/** What templates may name, which JSON Schema has no word for. */
export interface Templates {
  groups: { name: string; about: string; variables: { name: string; about: string }[] }[]
  filters: { name: string; about: string }[]
  tests: string[]
}

/** One parameter, flattened: `images.max_dpi`, `ranges[]`. */
export interface Parameter {
  name: string
  schema: Schema
  required: boolean
  depth: number
}

/** One of the values that a place names one by one, and what it means. */
export interface Choice {
  value: unknown
  description?: string
}

/** The schema behind `$ref`s. */
export function follow(schema: Schema, root: Schema): Schema {
  let at = schema
  for (let hops = 0; at.$ref !== undefined && hops < 16; hops += 1) {
    const target = root.$defs?.[decodeURIComponent(at.$ref.replace(/^#\/\$defs\//, ''))]
    if (!target) return {}
    at = { ...target, ...(at.description === undefined ? {} : { description: at.description }) }
  }
  return at
}

/** Every way a place may be filled: itself, what it refers to, and the branches of `anyOf`, `oneOf` and `allOf`. */
export function branches(schema: Schema, root: Schema): Schema[] {
  const own = follow(schema, root)
  const inner = [...(own.anyOf ?? []), ...(own.oneOf ?? []), ...(own.allOf ?? []).filter((part) => part.if === undefined)]
  return [own, ...inner.flatMap((part) => branches(part, root))]
}

const types = (schema: Schema): string[] => (schema.type === undefined ? [] : [schema.type].flat()).filter((type) => type !== 'null')

/** The values that a place names one by one. */
export function choices(schema: Schema, root: Schema): Choice[] {
  return branches(schema, root).flatMap((part): Choice[] => {
    const about = part.description === undefined ? {} : { description: part.description }
    if (part.const !== undefined) return [{ value: part.const, ...about }]
    return (part.enum ?? []).filter((value) => value !== null).map((value) => ({ value }))
  })
}

/** What kind of value a place takes: `text`, `whole number`, `list of text`. */
export function kind(schema: Schema, root: Schema, words: Record<string, string>): string {
  const all = branches(schema, root)
  const named = all.find((part) => part['x-dropleaf-kind'] !== undefined)?.['x-dropleaf-kind']
  if (named !== undefined) return words[named] ?? named
  const found = [...new Set(all.flatMap(types))]
  if (found.length === 0) return choices(schema, root).length > 0 ? (words.choice ?? '') : (words.any ?? '')
  const list = all.find((part) => part.items !== undefined)
  return found
    .map((type) => (type === 'array' && list?.items ? (words.listOf ?? '').replace('%', kind(list.items, root, words)) : (words[type] ?? type)))
    .join(` ${words.or ?? 'or'} `)
}

/** The limits of a place, each as one short line. */
export function limits(schema: Schema, root: Schema, words: Record<string, string>): string[] {
  const lines: string[] = []
  const say = (word: string, ...values: unknown[]): void => {
    lines.push(values.reduce<string>((text, value) => text.replace('%', String(value)), words[word] ?? word))
  }
  for (const part of branches(schema, root)) {
    if (part.minimum !== undefined && part.maximum !== undefined) say('between', part.minimum, part.maximum)
    else if (part.minimum !== undefined) say('minimum', part.minimum)
    else if (part.maximum !== undefined) say('maximum', part.maximum)
    if (part.exclusiveMinimum !== undefined) say('above', part.exclusiveMinimum)
    if (part.exclusiveMaximum !== undefined) say('below', part.exclusiveMaximum)
    if (part.minLength !== undefined && part.maxLength !== undefined) say('lengthBetween', part.minLength, part.maxLength)
    else if (part.maxLength !== undefined) say('maxLength', part.maxLength)
    else if (part.minLength !== undefined && part.minLength > 1) say('minLength', part.minLength)
    if (part.minItems !== undefined && part.maxItems !== undefined) say('itemsBetween', part.minItems, part.maxItems)
    else if (part.minItems !== undefined) say('minItems', part.minItems)
    else if (part.maxItems !== undefined) say('maxItems', part.maxItems)
  }
  return [...new Set(lines)]
}

/** All parameters of an operation, those inside others below them. */
export function parameters(schema: Schema, root: Schema, prefix = '', depth = 0): Parameter[] {
  if (depth > 5) return []
  return branches(schema, root).flatMap((part) =>
    Object.entries(part.properties ?? {}).flatMap(([name, inner]) => {
      const full = prefix + name
      const own: Parameter = { name: full, schema: inner, required: part.required?.includes(name) ?? false, depth }
      const below = parameters(inner, root, `${full}.`, depth + 1)
      const items = branches(inner, root).flatMap((way) => (way.items ? parameters(way.items, root, `${full}[].`, depth + 1) : []))
      return [own, ...below, ...items]
    }),
  )
}

/** Which of the parameters must be given, where a schema leaves the choice: `every` or `ranges`. */
export function alternatives(schema: Schema): string[][] {
  const ways = schema.oneOf ?? schema.anyOf ?? []
  return ways.length > 1 && ways.every((way) => way.required !== undefined) ? ways.map((way) => way.required ?? []) : []
}
