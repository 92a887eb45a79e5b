// Where in a YAML text a position is: the path to it, and what stands beside it. Read by indentation, so that it also works on the
// half-written line under the cursor, of which no parser could make sense.

/** A mapping of the text: the keys it has and those of its values that stand on the key's own line. */
export interface Mapping {
  keys: Set<string>
  scalars: Map<string, string>
}

export interface Place {
  /** Keys and indexes down to the mapping (for a key) or to the value itself. */
  path: (string | number)[]
  role: 'key' | 'value'
  /** What stands between `from` and the position. */
  typed: string
  /** Where the word under the position begins, as an offset into its line. */
  from: number
  /** The mappings on the way, outermost first, with the length of the path that leads to each. */
  around: { depth: number; mapping: Mapping }[]
  /** Whether the position is inside `{ }` or `[ ]`. */
  flow: boolean
  /** How far a block below this line would be indented. */
  indent: number
}

interface Frame {
  kind: 'map' | 'seq'
  column: number
  mapping: Mapping
  key: string
  index: number
  /** The open key has its value on its own line. */
  filled: boolean
}

interface Line {
  dashes: number[]
  key?: { name: string; column: number }
  /** Where the value or the rest begins. */
  rest: number
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#:{}[\],&*!|>'"%@`-][^:#]*?|-[^\s:#][^:#]*?)\s*:(?=\s|$)/
const freshMapping = (): Mapping => ({ keys: new Set(), scalars: new Map() })
const unquote = (word: string): string => word.trim().replace(/^(['"])(.*)\1$/, '$2')
const isBlank = (line: string): boolean => /^\s*(#|$|---)/.test(line)
const indentOf = (line: string): number => line.length - line.trimStart().length

function read(line: string): Line {
  const dashes: number[] = []
  let at = indentOf(line)
  while (line[at] === '-' && (line[at + 1] === ' ' || line[at + 1] === undefined)) {
    dashes.push(at)
    at += 1
    while (line[at] === ' ') at += 1
  }
  const key = KEY.exec(line.slice(at))
  if (!key) return { dashes, rest: at }
  let rest = at + key[0].length
  while (line[rest] === ' ') rest += 1
  return { dashes, key: { name: unquote(key[1] ?? ''), column: at }, rest }
}

/** The stack of mappings and sequences that a line is in. */
class Stack {
  readonly frames: Frame[] = []

  private top(): Frame | undefined {
    return this.frames.at(-1)
  }
  dash(column: number): void {
    while (this.top() && (this.top()?.column ?? 0) > column) this.frames.pop()
    const top = this.top()
    if (top?.kind === 'seq' && top.column === column) top.index += 1
    else this.frames.push({ kind: 'seq', column, mapping: freshMapping(), key: '', index: 0, filled: false })
  }
  /** Leaves what ends before `column`, and says whether a mapping goes on there. */
  private leave(column: number): Frame | undefined {
    for (let top = this.top(); top && (top.column > column || (top.kind === 'seq' && top.column === column)); top = this.top()) this.frames.pop()
    const top = this.top()
    return top?.kind === 'map' && top.column === column ? top : undefined
  }
  key(name: string, column: number, value: string): void {
    let frame = this.leave(column)
    if (!frame) {
      frame = { kind: 'map', column, mapping: freshMapping(), key: '', index: 0, filled: false }
      this.frames.push(frame)
    }
    frame.key = name
    frame.filled = value !== ''
    frame.mapping.keys.add(name)
    if (value !== '') frame.mapping.scalars.set(name, unquote(value.replace(/\s+#.*$/, '')))
  }
  /** Makes ready for a new key at `column`. */
  open(column: number): void {
    const frame = this.leave(column)
    if (frame) {
      frame.key = ''
      return
    }
    const top = this.top()
    // Under a key that has its value already nothing new can begin: the word stands a little off, and means that key's mapping.
    if (top?.kind === 'map' && top.filled) top.key = ''
    else this.frames.push({ kind: 'map', column, mapping: freshMapping(), key: '', index: 0, filled: false })
  }
}

/** The column under which the text of a `|` or `>` value stands, if the line begins one. */
const opensText = (line: string): boolean => /(:|-)\s+[|>][+-]?\d*\s*(#.*)?$/.test(line)

function take(stack: Stack, line: string): void {
  const { dashes, key, rest } = read(line)
  for (const column of dashes) stack.dash(column)
  if (key) stack.key(key.name, key.column, line.slice(rest).trim())
}

function pathOf(frames: Frame[]): { path: (string | number)[]; around: Place['around'] } {
  const path: (string | number)[] = []
  const around: Place['around'] = []
  for (const frame of frames) {
    if (frame.kind === 'map') {
      around.push({ depth: path.length, mapping: frame.mapping })
      if (frame.key !== '') path.push(frame.key)
    } else path.push(frame.index)
  }
  return { path, around }
}

interface FlowFrame {
  map: boolean
  key: string
  index: number
  mapping: Mapping
}

/** Goes through `{ a: 1, b: [` up to the position. Undefined where it is closed again before. */
function intoFlow(text: string): { frames: FlowFrame[]; role: 'key' | 'value'; from: number } | undefined {
  const frames: FlowFrame[] = []
  let from = 0
  let quote = ''
  let afterColon = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? ''
    const top = frames.at(-1)
    if (quote !== '') {
      if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (character === '{' || character === '[') {
      frames.push({ map: character === '{', key: '', index: 0, mapping: freshMapping() })
      from = at + 1
      afterColon = false
    } else if (character === '}' || character === ']') {
      frames.pop()
      from = at + 1
      afterColon = true
    } else if (character === ',' && top) {
      if (top.map && top.key !== '') top.mapping.scalars.set(top.key, unquote(text.slice(from, at)))
      top.key = ''
      top.index += 1
      from = at + 1
      afterColon = false
    } else if (character === ':' && top?.map && /[\s"'{[]/.test(text[at + 1] ?? ' ')) {
      top.key = unquote(text.slice(from, at))
      top.mapping.keys.add(top.key)
      from = at + 1
      afterColon = true
    }
  }
  const top = frames.at(-1)
  if (!top) return undefined
  while (text[from] === ' ') from += 1
  return { frames, role: top.map && !afterColon ? 'key' : 'value', from }
}

/** Where the position is; undefined inside a comment or a text block. `line` counts from 0, `column` is an offset into it. */
export function placeAt(lines: readonly string[], line: number, column: number): Place | undefined {
  const stack = new Stack()
  let found: Place | undefined
  let textUnder = -1
  for (const [number, content] of lines.entries()) {
    const inText = textUnder >= 0 && (content.trim() === '' || indentOf(content) > textUnder)
    if (!inText) textUnder = -1
    if (number === line) {
      if (inText && content.trim() !== '') return undefined
      found = inLine(stack, content, column)
      if (!found) return undefined
    } else if (!inText && !isBlank(content)) take(stack, content)
    if (!inText && opensText(content)) textUnder = indentOf(content)
  }
  return found
}

function inLine(stack: Stack, content: string, column: number): Place | undefined {
  const before = content.slice(0, column)
  if (/(^|\s)#/.test(before.replace(/"[^"]*"|'[^']*'/g, ''))) return undefined
  const { dashes, key, rest } = read(content)
  for (const dash of dashes) if (dash < column) stack.dash(dash)
  if (key && column > key.column + key.name.length && column > content.indexOf(':', key.column)) {
    stack.key(key.name, key.column, content.slice(rest).trim())
    return inValue(stack, content, column, Math.min(rest, column), key.column + 2)
  }
  if (/^[[{]/.test(content.slice(rest)) && rest < column) return inValue(stack, content, column, rest, rest)
  const start = Math.min(rest, column)
  const at = key ? key.column : before.trim() === '' ? column : start
  const listItem = dashes.length > 0 && !key
  if (key) stack.key(key.name, key.column, content.slice(rest).trim())
  else stack.open(at)
  const frames = key ? stack.frames.map((frame, index) => (index === stack.frames.length - 1 ? { ...frame, key: '' } : frame)) : stack.frames
  return { ...pathOf(frames), role: 'key', typed: content.slice(at, column), from: at, flow: false, indent: listItem ? start : at }
}

function inValue(stack: Stack, content: string, column: number, start: number, indent: number): Place {
  const { path, around } = pathOf(stack.frames)
  const flow = intoFlow(content.slice(start, column))
  if (!flow) return { path, around, role: 'value', typed: content.slice(start, column), from: start, flow: false, indent }
  for (const frame of flow.frames) {
    if (frame.map) around.push({ depth: path.length, mapping: frame.mapping })
    if (!frame.map) path.push(frame.index)
    else if (frame.key !== '') path.push(frame.key)
  }
  return { path, around, role: flow.role, typed: content.slice(start + flow.from, column), from: start + flow.from, flow: true, indent }
}
