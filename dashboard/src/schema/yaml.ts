// Writes plain values as YAML in the form that pipelines are written in by hand.

const PLAIN = /^[A-Za-z][A-Za-z0-9 _./-]*$/
const WORDS = new Set(['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n', '~'])

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const plain = PLAIN.test(value) && !value.endsWith(' ') && !WORDS.has(value.toLowerCase())
  return plain ? value : JSON.stringify(value)
}

const isMap = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
const isNested = (value: unknown): boolean => value !== null && typeof value === 'object' && Object.keys(value).length > 0

function lines(value: unknown, indent: string): string[] {
  if (isMap(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      isNested(inner) ? [`${indent}${scalar(key)}:`, ...lines(inner, `${indent}  `)] : [`${indent}${scalar(key)}: ${scalar(inner)}`],
    )
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      if (!isNested(item)) return [`${indent}- ${scalar(item)}`]
      const [first = '', ...rest] = lines(item, `${indent}  `)
      return [`${indent}- ${first.trimStart()}`, ...rest]
    })
  }
  return [indent + scalar(value)]
}

/** Block style, two spaces, without a line break at the end. */
export const toYaml = (value: unknown): string => lines(value, '').join('\n')

/** A step that uses an operation, as it stands in a pipeline. */
export const stepYaml = (uses: string, parameters: Record<string, unknown>): string =>
  toYaml([Object.keys(parameters).length > 0 ? { uses, with: parameters } : { uses }])
