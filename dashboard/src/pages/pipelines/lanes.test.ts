import { describe, expect, it } from 'vitest'
import { lanes } from './lanes'
import type { GraphView } from '@/generated/api'

const graph: GraphView = {
  nodes: [
    { id: 'w', kind: 'watch', label: 'inbox', continueOnError: false },
    { id: 'a', kind: 'step', label: 'a', continueOnError: false },
    { id: 'b', kind: 'step', label: 'b', continueOnError: false },
    { id: 'o', kind: 'output', label: 'outbox', continueOnError: false },
    { id: 'f', kind: 'failed', label: 'failed', continueOnError: false },
  ],
  edges: [{ from: 'w', to: 'a' }, { from: 'a', to: 'b' }, { from: 'a', to: 'o', label: 'else' }, { from: 'b', to: 'o' }, { from: 'a', to: 'f', label: 'on failure' }, { from: 'b', to: 'f', label: 'on failure' }],
}

describe('lanes', () => {
  it('leaves what goes on to the next node in the row', () => {
    expect(lanes({ ...graph, edges: graph.edges.filter(({ label }) => label === undefined) })).toEqual({ width: 0, paths: [] })
  })
  it('gives a skip its own lane and failures one together', () => {
    const { width, paths } = lanes(graph)
    expect(paths.map(({ failure, label }) => [failure, label?.text])).toEqual([[false, 'else'], [true, undefined], [true, undefined]])
    expect(width).toBe(2 * 22 + 6)
  })
  it('ignores edges to nowhere', () => {
    expect(lanes({ nodes: graph.nodes, edges: [{ from: 'a', to: 'gone' }] }).paths).toEqual([])
  })
})
