// The entries of the navigation.
import { Blocks, Files, FolderInput, HelpCircle, LayoutDashboard, Puzzle, Workflow } from '@lucide/vue'
import type { Component } from 'vue'
import { text } from '@/text'

export interface NavEntry {
  name: string
  to: string
  label: string
  icon: Component
  /** What follows `g` on the keyboard. */
  key: string
}

const names = text.shell.pages
export const entries: NavEntry[] = [
  { name: 'overview', to: '/', label: names.overview, icon: LayoutDashboard, key: 'o' },
  { name: 'files', to: '/files', label: names.files, icon: Files, key: 'f' },
  { name: 'drop', to: '/drop', label: names.drop, icon: FolderInput, key: 'd' },
  { name: 'pipelines', to: '/pipelines', label: names.pipelines, icon: Workflow, key: 'p' },
  { name: 'operations', to: '/operations', label: names.operations, icon: Blocks, key: 'r' },
  { name: 'plugins', to: '/plugins', label: names.plugins, icon: Puzzle, key: 'u' },
  { name: 'explain', to: '/explain', label: names.explain, icon: HelpCircle, key: 'e' },
]
