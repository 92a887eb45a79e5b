import { describe, expect, it } from 'vitest'
import type { Schema } from '@/schema/schema'
import { placeAt } from './place'
import { insideTemplate, stepsAbove, templateMeaning, templateSuggestions } from './template'

const root: Schema = {
  properties: {
    steps: { items: { properties: { uses: { type: 'string' }, if: {}, with: { properties: { text: { anyOf: [{ type: 'string', 'x-dropleaf-variables': ['page'] }] } } } } } },
    output: { properties: { name: { type: 'string' } } },
    passwords: { items: { type: 'string' } },
  },
  'x-dropleaf-templates': {
    groups: [
      { name: 'input', about: 'the file', variables: [{ name: 'stem', about: 'without its extension' }, { name: 'size', about: 'bytes' }] },
      { name: 'pdf', about: 'the PDF', variables: [{ name: 'pages', about: 'number of pages' }] },
    ],
    filters: [{ name: 'slug', about: 'only small letters' }],
    tests: ['odd'],
  },
}

/** What is offered where `¦` stands. */
function offered(yaml: string): string[] | undefined {
  const lines = yaml.split('\n')
  const line = lines.findIndex((one) => one.includes('¦'))
  const column = lines[line]!.indexOf('¦')
  lines[line] = lines[line]!.replace('¦', '')
  const place = placeAt(lines, line, column)
  const inside = place && insideTemplate(place)
  return inside && templateSuggestions(inside, place, root, stepsAbove(lines, line, place)).map(({ insert }) => insert)
}
const step = (value: string): string => `steps:\n  - uses: split\n  - id: words\n    uses: text/extract-text\n  - uses: stamp-text\n    ${value}\n`

describe('inside a template', () => {
  it('names what there is, the operation’s own variables first', () => {
    expect(offered(step('with: { text: "{{ ¦ }}" }'))).toEqual(['page', 'input.', 'pdf.', 'steps.', 'env.', 'now'])
    expect(offered('output:\n  name: "{{ in¦"')).toEqual(['input.', 'pdf.', 'steps.', 'env.', 'now'])
    expect(offered('passwords: ["{{ ¦"]')).toEqual(['input.', 'env.', 'now'])
  })
  it('goes on behind a dot, a bar and a test', () => {
    expect(offered('output:\n  name: "{{ input.stem }}-{{ input.s¦ }}.pdf"')).toEqual(['stem', 'size'])
    expect(offered('output:\n  name: "{{ pdf.title | s¦"')).toEqual(['slug'])
    expect(offered('output:\n  name: "{% if part.count is ¦"')).toEqual(['odd'])
    expect(offered(step('with: { text: "{{ steps.¦" }'))).toEqual(['split.', 'words.'])
  })
  it('says nothing where no name can stand', () => {
    expect(offered('output:\n  name: "a{{ now }}b¦"')).toBeUndefined()
    expect(offered("output:\n  name: \"{{ now | date('%d¦")).toBeUndefined()
    expect(offered('output:\n  name: "{{ env.¦"')).toEqual([])
  })
})

it('takes a condition for an expression as a whole', () => {
  expect(offered(step('if: pdf.¦'))).toEqual(['pages'])
  expect(offered(step('if: pdf.pages > 1 and not ¦'))).toEqual(['input.', 'pdf.', 'steps.', 'env.', 'now', 'and', 'or', 'not', 'in', 'is', 'true', 'false'])
  expect(offered(step('if: "pdf.pages is ¦"'))).toEqual(['odd'])
})

it('numbers steps as the daemon does', () => {
  expect(stepsAbove(['steps:', '  - uses: rotate', '  - { uses: pages/rotate }', '  - uses: split', '    id: parts', 'output:', '  name: x'], 5, { path: ['output', 'name'] })).toEqual(['rotate', 'rotate-2', 'parts'])
})

it('says what a word means', () => {
  const line = '  name: "{{ input.stem | slug }}"'
  const at = (column: number) => {
    const place = placeAt(['output:', line], 1, column)!
    return templateMeaning(insideTemplate(place)!, place, root)
  }
  expect(at(line.indexOf('input') + 5)).toMatchObject({ name: 'input', about: 'the file' })
  expect(at(line.indexOf('stem') + 4)).toMatchObject({ name: 'input.stem', about: 'without its extension' })
  expect(at(line.indexOf('slug') + 4)).toMatchObject({ name: 'slug', about: 'only small letters' })
})
