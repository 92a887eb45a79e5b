// Names of files as they are shown: what is invisible or turns the order of letters is seen, what people write stays.
import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import CodeText from '@/components/CodeText.vue'
import FileName from '@/components/FileName.vue'
import PageHead from '@/components/PageHead.vue'
import type { JobView } from '@/generated/api'
import { quoted, visible, visibleText } from '@/names'
import JobFacts from '@/pages/job/JobFacts.vue'
import JobResults from '@/pages/job/JobResults.vue'
import { useToasts } from '@/stores/toasts'
import { job } from './fake'

const EVIL = 'bill\u202Egnp.pdf'
const SEEN = 'bill\\u{202E}gnp.pdf'
const ARABIC = 'تقرير نهائي.pdf'
/** A family, a flag with tags, a heart with a variation selector. */
const EMOJI = '👨‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️.pdf'
const PERSIAN = 'می\u200Cخواهم.pdf'

beforeEach(() => setActivePinia(createPinia()))

describe('visible', () => {
  it('shows every mark of direction and control character', () => {
    const marks = ['\u202A', '\u202B', '\u202C', '\u202D', '\u202E', '\u2066', '\u2067', '\u2068', '\u2069', '\u200E', '\u200F', '\u061C', '\u0000', '\n', '\u001B', '\u0085', '\u2028', '\u200B', '\uFEFF', '\uD800']
    for (const mark of marks) expect(visible(`a${mark}b`)).toBe(`a\\u{${mark.charCodeAt(0).toString(16).toUpperCase()}}b`)
  })
  it('leaves what people write', () => {
    for (const name of [ARABIC, EMOJI, PERSIAN, 'קובץ.pdf', 'Zürich – 東京.pdf', 'a b/c.pdf', '']) expect(visible(name)).toBe(name)
  })
  it('keeps the lines of a text', () => expect(visibleText('a\n\tb\u202E')).toBe('a\n\tb\\u{202E}'))
})

describe('quoted', () => {
  it('sets apart what is written from right to left, each part of a path for itself', () => {
    expect(quoted('inbox/a.pdf')).toBe('inbox/a.pdf')
    expect(quoted(`in/${ARABIC}`)).toBe(`in/\u2068${ARABIC}\u2069`)
    expect(quoted(`ملف/${ARABIC}`)).toBe(`\u2068ملف\u2069/\u2068${ARABIC}\u2069`)
  })
  it('lets no name end that', () => expect(quoted('ملف\u2069\u202E.pdf')).toBe('\u2068ملف\\u{2069}\\u{202E}.pdf\u2069'))
})

describe('a name in the page', () => {
  it('stands for itself, each part of a path', () => {
    expect(mount(FileName, { props: { name: EVIL } }).find('bdi').text()).toBe(SEEN)
    const path = mount({ components: { FileName }, template: '<p><FileName :name="name" /></p>', data: () => ({ name: `/in/${ARABIC}` }) })
    expect([path.text(), path.findAll('bdi').map((part) => part.text())]).toEqual([`/in/${ARABIC}`, ['in', ARABIC]])
  })
  it('is safe in headings, results, provenance, texts of the daemon and messages', () => {
    const head = mount(PageHead, { props: { title: EVIL, file: true } })
    expect(head.find('h1 > bdi').text()).toBe(SEEN)
    const artifacts = [{ name: EVIL, kind: 'document', path: '/out', size: 9, blake3: 'cafe', mime: 'application/pdf', href: '/a' }]
    const view = job('A', { name: EVIL, path: `/in/${EVIL}`, problem: undefined, plugins: [], artifacts, input: { size: 9, blake3: 'beef', href: '/i' } }) as unknown as JobView
    const results = mount(JobResults, { props: { job: view } })
    expect(results.findAll('.name').map((name) => [name.text(), name.attributes('title')])).toEqual([[SEEN, SEEN], [SEEN, SEEN]])
    const facts = mount(JobFacts, { props: { job: view }, global: { stubs: { RouterLink: true } } })
    expect(facts.text()).toContain(`/in/${SEEN}`)
    const told = mount(CodeText, { props: { text: `The file \`${EVIL}\` is no PDF`, inline: true } })
    expect(told.find('code > bdi').text()).toBe(SEEN)
    useToasts().error('No', `no ${EVIL}`)
    for (const shown of [head.html(), results.html(), facts.html(), told.html(), useToasts().list[0]?.detail]) expect(shown).not.toContain('\u202E')
  })
})
