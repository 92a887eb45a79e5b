// What may be named inside `{{ }}` and in conditions, by what the served schema says of templates.
import type { Schema, Templates } from '@/schema/schema'
import { text } from '@/text'
import type { Place } from './place'
import { schemasAt, type Meaning, type Suggestion } from './suggest'

/** The word before the position, and what it is a word of. */
interface Word {
  kind: 'variable' | 'member' | 'filter' | 'test'
  /** `input` in `input.st`. */
  group: string
  typed: string
}

/** Where a position inside a template is. */
export interface Inside {
  word: Word
  /** The word begins here, as an offset into its line. */
  from: number
  /** It is a condition, whose whole text is an expression. */
  condition: boolean
}

const OPEN = /\{[{%]-?((?:(?!-?[}%]\}).)*)$/
const isCondition = ({ path, role }: Place): boolean => role === 'value' && path[0] === 'steps' && path.at(-1) === 'if'

/** The end of an expression that is being written; undefined inside a text or where a word cannot stand. */
function lastWord(expression: string): Word | undefined {
  const bare = expression.replace(/'[^']*'|\\?"[^"]*\\?"/g, '0')
  if (/['"]/.test(bare)) return undefined
  const [, typed = ''] = /(\w*)$/.exec(bare) ?? []
  const before = bare.slice(0, bare.length - typed.length)
  const member = /(\w+)\.$/.exec(before)
  if (member) return { kind: 'member', group: member[1] ?? '', typed }
  if (/[.\])\d]$/.test(before)) return undefined
  const word = (kind: Word['kind']): Word => ({ kind, group: '', typed })
  if (/\|\s*$/.test(before)) return word('filter')
  return /\bis\s+(not\s+)?$/.test(before) ? word('test') : word('variable')
}

/** Whether a place is inside a template or a condition, and where. */
export function insideTemplate(place: Place): Inside | undefined {
  if (place.role !== 'value') return undefined
  const condition = isCondition(place)
  const expression = condition ? place.typed.replace(/^["']/, '') : OPEN.exec(place.typed)?.[1]
  const word = expression === undefined ? undefined : lastWord(expression)
  return word && { word, from: place.from + place.typed.length - word.typed.length, condition }
}

/** The ids of the steps above a line, as templates name them: their own, or the operation's name, numbered where it comes again. */
export function stepsAbove(lines: readonly string[], line: number, { path }: Pick<Place, 'path'>): string[] {
  const steps: { id?: string; uses?: string }[] = []
  let under = -1
  for (const content of lines.slice(0, line)) {
    if (/^\S/.test(content)) under = /^steps\s*:/.test(content) ? 0 : -1
    if (under < 0) continue
    const dash = /^(\s*)-\s/.exec(content)?.[1]?.length
    if (dash !== undefined && (under === 0 || dash + 1 <= under)) {
      under = dash + 1
      steps.push({})
    }
    const step = steps.at(-1)
    for (const [, key, value] of content.matchAll(/(?:^\s*|-\s+|[{,]\s*)(id|uses)\s*:\s*["']?([\w./-]+)/g)) if (step && (key === 'id' || key === 'uses')) step[key] ??= value
  }
  const seen = new Map<string, number>()
  const own = path[0] === 'steps' && typeof path[1] === 'number' ? path[1] : steps.length
  return steps.slice(0, own).flatMap(({ id, uses }) => {
    if (id !== undefined || uses === undefined) return id ?? []
    const name = uses.slice(uses.lastIndexOf('/') + 1)
    const n = (seen.get(name) ?? 0) + 1
    seen.set(name, n)
    return n === 1 ? name : `${name}-${n}`
  })
}

const words = text.pipelines.templates
interface Named {
  name: string
  about: string
}

/** Names that stand alone, in this place. */
function variables(templates: Templates, place: Place, root: Schema, condition: boolean): (Named & { group: boolean })[] {
  const groups = [...templates.groups, { name: 'steps', about: words.steps }, { name: 'env', about: words.env }]
  const locked = place.path[0] === 'passwords' ? new Set(['pdf', 'part', 'steps']) : new Set<string>()
  const own = condition ? [] : schemasAt(root, place.path, place.around).flatMap((schema) => schema['x-dropleaf-variables'] ?? [])
  return [
    ...[...new Set(own)].map((name) => ({ name, about: words.own, group: false })),
    ...groups.filter(({ name }) => !locked.has(name)).map(({ name, about }) => ({ name, about, group: true })),
    { name: 'now', about: words.now, group: false },
  ]
}

/** What may stand at a position inside a template. */
export function templateSuggestions({ word, condition }: Inside, place: Place, root: Schema, steps: readonly string[]): Suggestion[] {
  const templates = root['x-dropleaf-templates']
  if (!templates) return []
  const say = ({ name, about }: Named, insert = name, more = false, boost = 1): Suggestion => ({ label: name, insert, detail: about, about, boost, type: 'property', more })
  if (word.kind === 'filter') return templates.filters.map((filter) => say(filter))
  if (word.kind === 'test') return templates.tests.map((name) => say({ name, about: '' }))
  if (word.kind === 'member') {
    // A name with a hyphen cannot stand behind a dot.
    if (word.group === 'steps') return [...new Set(steps)].filter((id) => !id.includes('-')).map((id) => say({ name: id, about: words.step }, `${id}.`))
    return (templates.groups.find(({ name }) => name === word.group)?.variables ?? []).map((variable) => say(variable))
  }
  const names = variables(templates, place, root, condition).map(({ group, ...named }) => say(named, group ? `${named.name}.` : named.name, group && named.name !== 'env'))
  const hyphened = [...new Set(steps)].filter((id) => id.includes('-')).map((id) => say({ name: `steps['${id}']`, about: words.step }, `steps['${id}'].`, false, 0))
  const joining = condition ? ['and', 'or', 'not', 'in', 'is', 'true', 'false'].map((name): Suggestion => ({ label: name, insert: name, boost: -1, type: 'constant', more: false })) : []
  return [...names, ...hyphened, ...joining]
}

/** What the word at a position inside a template is for. */
export function templateMeaning({ word, condition }: Inside, place: Place, root: Schema): Meaning | undefined {
  const templates = root['x-dropleaf-templates']
  if (!templates) return undefined
  const found = (all: readonly Named[]): Named | undefined => all.find(({ name }) => name === word.typed)
  const known = {
    filter: () => found(templates.filters),
    test: () => undefined,
    member: () => found(templates.groups.find(({ name }) => name === word.group)?.variables ?? []),
    variable: () => found(variables(templates, place, root, condition)),
  }[word.kind]()
  return known && { name: word.kind === 'member' ? `${word.group}.${known.name}` : known.name, kind: word.kind === 'filter' ? words.filter : '', about: known.about }
}
