import { expect, it } from 'vitest'
import { rowsIn } from '@/pages/files/window'

it.each([
  // top, room, height, rows, beyond: first and end
  [0, 460, 46, 100, 0, 0, 10],
  [23, 460, 46, 100, 0, 0, 11],
  [460, 460, 46, 100, 10, 0, 30],
  [4_140, 460, 46, 100, 10, 80, 100],
  [0, 460, 46, 3, 10, 0, 3],
  [0, 460, 46, 0, 10, 0, 0],
  // The list has become shorter than where it was scrolled to.
  [9_000, 460, 46, 5, 0, 5, 5],
  [0, 0, 46, 100, 10, 0, 10],
])('at %i of a room of %i, rows of %i, %i of them, %i beyond: %i up to %i', (top, room, height, count, beyond, first, end) => {
  expect(rowsIn(top, room, height, count, beyond)).toEqual({ first, end })
})
