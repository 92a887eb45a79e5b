import { expect, it } from 'vitest'
import { BLANK, forName, putAside, takeAside } from './examples'

it('gives a new pipeline folders of its own', () => {
  expect(forName('watch:\n  folder: inbox/receive\n# outbox/receive, archive/receive; inbox/receive-all stays', 'receive', 'scans')).toBe(
    'watch:\n  folder: inbox/scans\n# outbox/scans, archive/scans; inbox/receive-all stays',
  )
  expect(forName(BLANK, undefined, 'scans')).toContain('folder: outbox/scans')
})
it('hands a text over once', () => {
  putAside('a', 'x')
  expect([takeAside('a'), takeAside('a')]).toEqual(['x', undefined])
})
