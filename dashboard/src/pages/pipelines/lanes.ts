// Where the ways run that do not simply go on to the next node: each in a lane of its own beside the row, failures together in one.
import type { GraphView } from '@/generated/api'

/** The height of a node, and from one node's top to the next one's. */
export const NODE = 48
export const PITCH = 74
const LANE = 22
const ROUND = 8

export interface Way {
  id: string
  d: string
  head: string
  failure: boolean
  label?: { x: number; y: number; text: string }
}

export function lanes(graph: GraphView): { width: number; paths: Way[] } {
  const row = new Map(graph.nodes.map(({ id }, index) => [id, index]))
  const failedRow = graph.nodes.find(({ kind }) => kind === 'failed')?.id
  const straight = new Set<string>()
  const aside = graph.edges.filter(({ from, to }) => {
    const pair = `${from} ${to}`
    if ((row.get(to) ?? -9) !== (row.get(from) ?? -9) + 1 || to === failedRow || straight.has(pair)) return true
    straight.add(pair)
    return false
  })
  let used = 0
  let failures: number | undefined
  const paths = aside.flatMap((edge): Way[] => {
    const [from, to] = [row.get(edge.from), row.get(edge.to)]
    if (from === undefined || to === undefined) return []
    const failure = edge.to === failedRow
    const lane = failure ? (failures ??= (used += 1)) : (used += 1)
    const x = lane * LANE - 6
    const [start, end] = [from * PITCH + NODE / 2 + (failure ? 8 : 0), to * PITCH + NODE / 2 - (failure ? 0 : 8)]
    return [
      {
        id: `${edge.from} ${edge.to} ${edge.label ?? ''}`,
        d: `M0 ${start} H${x - ROUND} Q${x} ${start} ${x} ${start + ROUND} V${end - ROUND} Q${x} ${end} ${x - ROUND} ${end} H6`,
        head: `M0 ${end} l7 -4.5 v9 z`,
        failure,
        ...(edge.label && !failure ? { label: { x: 4, y: start - 5, text: edge.label } } : {}),
      },
    ]
  })
  return { width: paths.length === 0 ? 0 : used * LANE + 6, paths }
}
