// What the daemon says about pipelines beyond the plain view.
import type { CheckView, PipelineView, ProblemView, TryOutputView, TryView } from '@/generated/api'

export interface GraphNode {
  id: string
  kind: 'watch' | 'step' | 'output' | 'failed'
  label: string
  uses?: string
  condition?: string
  continueOnError?: boolean
}
export interface GraphEdge {
  from: string
  to: string
  label?: string
}
/** The way of a file through a pipeline. */
export interface Graph {
  nodes: GraphNode[]
  edges: GraphEdge[]
}

export interface Example {
  id: string
  description: string
  yaml: string
}

export type Check = CheckView & { graph?: Graph }
export type Pipeline = PipelineView & { graph?: Graph; goodYaml?: string }
export type TryOutput = TryOutputView & { href?: string }
export type Trial = Omit<TryView, 'outputs'> & {
  outputs: TryOutput[]
  id?: string
  expiresAt?: string
  input?: { name: string; size: number; pages: number | null; href: string }
}
/** A refusal of a save because the file is not what it was; `current` is null where it is gone. */
export type Changed = ProblemView & { current?: { yaml: string; tag: string } | null }

/** The way through the steps of a revision, one after the other. */
export function graphOf(pipeline: Pipeline): Graph | undefined {
  if (pipeline.graph) return pipeline.graph
  if (pipeline.steps.length === 0) return undefined
  const nodes: GraphNode[] = [
    { id: 'watch', kind: 'watch', label: pipeline.folder?.folder ?? '' },
    ...pipeline.steps.map(({ id, uses, if: condition }): GraphNode => ({ id: `step-${id}`, kind: 'step', label: id, uses, ...(condition ? { condition } : {}) })),
    { id: 'output', kind: 'output', label: pipeline.output ?? '' },
  ]
  return { nodes, edges: nodes.slice(1).map(({ id }, index) => ({ from: nodes[index]?.id ?? '', to: id })) }
}
