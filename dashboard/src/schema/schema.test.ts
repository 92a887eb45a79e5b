import { describe, expect, it } from 'vitest'
import { alternatives, choices, kind, limits, parameters, type Schema } from './schema'
import { stepYaml, toYaml } from './yaml'

const words = { string: 'text', integer: 'whole number', listOf: 'list of %', between: '% to %', or: 'or', duration: 'duration', choice: 'one of a list', itemsBetween: '% to % entries' }
const root: Schema = {
  $defs: { Pages: { type: ['string', 'integer'], description: 'Which pages.' } },
  type: 'object',
  properties: {
    pages: { $ref: '#/$defs/Pages' },
    images: { type: ['object', 'null'], properties: { quality: { type: 'integer', minimum: 1, maximum: 100 } } },
    ranges: { type: 'array', items: { $ref: '#/$defs/Pages' }, minItems: 1, maxItems: 9 },
    quiet: { type: ['string', 'null'], 'x-dropleaf-kind': 'duration' },
    uses: { anyOf: [{ const: 'rotate', description: 'Turn pages' }, { enum: ['pages/rotate', null] }] },
  },
  required: ['pages'],
  oneOf: [{ required: ['pages'] }, { required: ['ranges'] }],
}

describe('schema', () => {
  it('flattens parameters with what is inside them', () => {
    expect(parameters(root, root).map(({ name, required, depth }) => [name, required, depth])).toEqual([
      ['pages', true, 0], ['images', false, 0], ['images.quality', false, 1], ['ranges', false, 0], ['quiet', false, 0], ['uses', false, 0],
    ])
  })
  it('names kinds through references, lists and own kinds', () => {
    const of = (name: string): string => kind(root.properties?.[name] ?? {}, root, words)
    expect([of('pages'), of('ranges'), of('quiet'), of('uses')]).toEqual(['text or whole number', 'list of text or whole number', 'duration', 'one of a list'])
  })
  it('says limits once and lists choices without null', () => {
    expect(limits(root.properties?.images?.properties?.quality ?? {}, root, words)).toEqual(['1 to 100'])
    expect(limits(root.properties?.ranges ?? {}, root, words)).toEqual(['1 to 9 entries'])
    expect(choices(root.properties?.uses ?? {}, root)).toEqual([{ value: 'rotate', description: 'Turn pages' }, { value: 'pages/rotate' }])
  })
  it('knows parameters of which one must be given', () => {
    expect(alternatives(root)).toEqual([['pages'], ['ranges']])
  })
})

describe('yaml', () => {
  it('writes steps the way people do', () => {
    expect(stepYaml('split', { ranges: [1, '2-'] })).toBe('- uses: split\n  with:\n    ranges:\n      - 1\n      - "2-"')
    expect(stepYaml('reverse', {})).toBe('- uses: reverse')
    expect(stepYaml('stamp-text', { text: 'Page {{ page }}', color: '#cc0000', size: 96 })).toBe('- uses: stamp-text\n  with:\n    text: "Page {{ page }}"\n    color: "#cc0000"\n    size: 96')
  })
  it('quotes what YAML would read as something else', () => {
    expect(toYaml({ a: 'no', b: '1', c: 'x: y', d: '', e: null, f: [], g: 'line\nbreak', h: [{ i: 1, j: [2] }] })).toBe(
      'a: "no"\nb: "1"\nc: "x: y"\nd: ""\ne: null\nf: []\ng: "line\\nbreak"\nh:\n  - i: 1\n    j:\n      - 2',
    )
  })
})
