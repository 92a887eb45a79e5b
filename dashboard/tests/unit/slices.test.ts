import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, shallowRef } from 'vue'
import { useSlices } from '@/pages/files/slices'

let frames: (() => void)[]
const frame = (): void => frames.splice(0).forEach((run) => run())
beforeEach(() => {
  frames = []
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run))
  vi.stubGlobal('cancelAnimationFrame', () => frames.splice(0))
})
afterEach(() => vi.unstubAllGlobals())

it('makes a few rows a frame, the first ones first, and forgets those that are wanted no more', async () => {
  const scope = effectScope()
  const wanted = shallowRef(['a', 'b', 'c', 'd', 'e'])
  const { made, make } = scope.run(() => useSlices(() => wanted.value, 2))!
  const now = (): string => [...made.value].join('')
  expect(now()).toBe('ab')
  frame()
  await vi.waitFor(() => expect(now()).toBe('abcd'))
  // What is wanted may change in between: still no more than a slice a frame.
  wanted.value = ['x', 'y', 'c', 'd', 'e']
  await nextTick()
  expect(now()).toBe('abcd')
  frame()
  await vi.waitFor(() => expect(now()).toBe('xycd'))
  frame()
  await vi.waitFor(() => expect(now()).toBe('xycde'))
  expect(frames).toEqual([])
  make('k')
  expect(now()).toBe('xycdek')
  scope.stop()
})
