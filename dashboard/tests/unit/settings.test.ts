// @vitest-environment node
// The settings that the page's texts name are settings of the daemon.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { text } from '@/text'

it('names settings that there are', () => {
  const reference = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  const named = [...text.shell.login.text.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
  expect(named).toEqual(['token'])
  for (const name of named) expect(reference).toContain(`| \`${name}\` |`)
})
