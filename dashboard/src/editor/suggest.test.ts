import { describe, expect, it } from 'vitest'
import type { Schema } from '@/schema/schema'
import { placeAt, type Place } from './place'
import { meaning, suggestions } from './suggest'

const root: Schema = {
  $defs: {
    Step: {
      type: 'object',
      properties: { uses: { type: 'string', anyOf: [{ const: 'split', description: 'Cut' }, { enum: ['split/split'] }] }, if: { type: 'string' }, with: { type: ['object', 'null'] } },
      required: ['uses'],
      allOf: [{ if: { properties: { uses: { enum: ['split', 'split/split'] } } }, then: { properties: { with: { $ref: '#/$defs/split' } } } }],
    },
    split: {
      type: 'object',
      properties: {
        every: { type: 'integer', description: 'Pages in each part' },
        mode: { enum: ['fast', 'small'], default: 'fast' },
        images: { type: 'object', properties: { quality: { type: 'integer', default: 75 } } },
      },
    },
  },
  type: 'object',
  properties: {
    watch: { type: 'object', properties: { folder: { type: 'string' }, recursive: { type: ['boolean', 'null'], default: false } }, required: ['folder'] },
    steps: { type: 'array', items: { $ref: '#/$defs/Step' } },
    original: { enum: ['archive', 'keep', null] },
  },
}

/** The place of `^` in a text. */
function at(marked: string): Place | undefined {
  const offset = marked.indexOf('^')
  const before = marked.slice(0, offset)
  const lines = (before + marked.slice(offset + 1)).split('\n')
  const line = before.split('\n').length - 1
  return placeAt(lines, line, before.length - before.lastIndexOf('\n') - 1)
}
const offered = (marked: string): string[] => {
  const place = at(marked)
  return place ? suggestions(place, root).map(({ label }) => label) : []
}

describe('places', () => {
  it.each([
    ['^', [], 'key'],
    ['watch:\n  ^', ['watch'], 'key'],
    ['watch:\n  fol^', ['watch'], 'key'],
    ['watch:\n  folder: ^', ['watch', 'folder'], 'value'],
    ['watch:\n  folder: a\nst^', [], 'key'],
    ['steps:\n  - ^', ['steps', 0], 'key'],
    ['steps:\n  - uses: a\n  - uses: b^', ['steps', 1, 'uses'], 'value'],
    ['steps:\n- uses: a\n- ^', ['steps', 1], 'key'],
    ['steps:\n  - uses: split\n    with:\n      ^', ['steps', 0, 'with'], 'key'],
    ['steps:\n  - uses: split\n    with: { ^', ['steps', 0, 'with'], 'key'],
    ['steps:\n  - uses: split\n    with: { every: 2, images: { quality: ^ } }', ['steps', 0, 'with', 'images', 'quality'], 'value'],
    ['steps:\n  - uses: split\n    ^\n  - uses: b', ['steps', 0], 'key'],
    ['watch:\n  include: [a, ^]', ['watch', 'include', 1], 'value'],
  ])('%j', (marked, path, role) => {
    expect(at(marked)).toMatchObject({ path, role })
  })
  it('has none in comments and text blocks', () => {
    expect(at('a: 1 # x^')).toBeUndefined()
    expect(at('description: |\n  some: te^xt\nwatch:')).toBeUndefined()
  })
  it('sees what stands below the position', () => {
    expect(offered('steps:\n  - with:\n      ^\n    uses: split')).toEqual(['every', 'mode', 'images'])
  })
})

describe('suggestions', () => {
  it('offers keys that are not there yet', () => {
    expect(offered('watch:\n  folder: a\n^')).toEqual(['steps', 'original'])
    expect(offered('watch:\n  ^')).toEqual(['folder', 'recursive'])
  })
  it('offers the parameters of the operation that a step uses', () => {
    expect(offered('steps:\n  - uses: split\n    with:\n      every: 1\n      ^')).toEqual(['mode', 'images'])
    expect(offered('steps:\n  - uses: other\n    with:\n      ^')).toEqual([])
    expect(offered('steps:\n  - uses: split\n    with: { mode: ^ }')).toEqual(['fast', 'small'])
  })
  it('offers operations, words and truth values', () => {
    expect(offered('steps:\n  - uses: ^')).toEqual(['split', 'split/split'])
    expect(offered('original: ^')).toEqual(['archive', 'keep'])
    expect(offered('watch:\n  recursive: ^')).toEqual(['true', 'false'])
  })
  it('writes what belongs below a key on the next line', () => {
    const write = (marked: string, label: string): string | undefined => {
      const place = at(marked)
      return place && suggestions(place, root).find((one) => one.label === label)?.insert
    }
    expect(write('^', 'watch')).toBe('watch:\n  ')
    expect(write('^', 'steps')).toBe('steps:\n  - ')
    expect(write('steps:\n  - uses: split\n    ^', 'with')).toBe('with:\n      ')
    expect(write('steps:\n  - uses: split\n    with: { ^', 'images')).toBe('images: ')
  })
  it('explains keys and values', () => {
    const place = at('steps:\n  - uses: split\n    with: { ev^ery: 2 }')
    expect(place && meaning(place, 'every', root)).toMatchObject({ about: 'Pages in each part' })
    const value = at('steps:\n  - uses: spl^it')
    expect(value && meaning(value, 'split', root)).toMatchObject({ name: 'split', about: 'Cut' })
  })
})
