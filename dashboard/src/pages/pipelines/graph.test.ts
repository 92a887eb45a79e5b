// The drawn steps: a path is cut from the left, and keeps its order all the same.
import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import StepGraph from './StepGraph.vue'

it('draws a path in its order, whole and apart from what cuts it', () => {
  const nodes = [{ id: 'w', kind: 'watch', label: '/srv/in/ملف/receive' }, { id: 'o', kind: 'output', label: 'out/receive' }]
  const graph = mount(StepGraph, { props: { graph: { nodes, edges: [] } as never } })
  expect(graph.findAll('li bdi[dir=ltr]').map((path) => path.text())).toEqual(['/srv/in/ملف/receive', 'out/receive'])
  // What its letters are written in concerns a part of it only.
  expect(graph.findAll('bdi[dir=ltr] > bdi').map((part) => part.text())).toEqual(['srv', 'in', 'ملف', 'receive', 'out', 'receive'])
})
