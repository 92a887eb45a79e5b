// @vitest-environment node
// Every example of docs/http.md passes the validator of its event: what the page expects is what the manual says.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { validators } from '@/generated/validators'

const manual = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8')
const examples = [...manual.matchAll(/^event: (\S+)\ndata: (.+)$/gm)]
  .map(([, event, data]) => ({ event: event ?? '', data: data ?? '' }))
  // The two that the manual shortens.
  .filter(({ data }) => !data.includes('...'))

describe('the examples of docs/http.md', () => {
  it('are there', () => expect(examples.length).toBeGreaterThan(30))
  it.each(examples)('$event', ({ event, data }) => {
    expect(Object.keys(validators)).toContain(event)
    const validate = validators[event as keyof typeof validators] as ((value: unknown) => boolean) & { errors?: unknown }
    const value: unknown = JSON.parse(data)
    expect(validate(value), JSON.stringify(validate.errors)).toBe(true)
    expect(validate({})).toBe(false)
  })
})
