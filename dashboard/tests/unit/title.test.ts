// The tab's title names what the page is about.
import { afterEach, expect, it } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { titled, useSubject } from '@/shell/title'

const scopes: EffectScope[] = []
function page(name: () => string | undefined): EffectScope {
  const scope = effectScope()
  scope.run(() => useSubject(name))
  scopes.push(scope)
  return scope
}
afterEach(() => scopes.splice(0).forEach((scope) => scope.stop()))

it('names the file as soon as its name is known, and the page alone before and after', async () => {
  const name = ref<string>()
  const shown = page(() => name.value)
  expect(titled('File')).toBe('File')
  name.value = 'scan.pdf'
  await nextTick()
  expect(titled('File')).toBe('scan.pdf · File')
  shown.stop()
  expect(titled('Files')).toBe('Files')
})
it('is that of the new page, whichever of the two comes or goes first', () => {
  const before = page(() => 'a.pdf')
  page(() => 'receive')
  before.stop()
  expect(titled('Pipeline')).toBe('receive · Pipeline')
})
it('shows what is invisible in a name, and keeps its letters from turning the rest', () => {
  page(() => 'bill\u202Egnp.pdf')
  expect(titled('File')).toBe('bill\\u{202E}gnp.pdf · File')
  page(() => 'تقرير.pdf')
  expect(titled('File')).toBe('\u2068تقرير.pdf\u2069 · File')
})
