// Every English text of the page, one module a page under `en/`. A translation is another object of the type `Text`.
import { common } from './en/common'
import { drop } from './en/drop'
import { explain } from './en/explain'
import { files } from './en/files'
import { job } from './en/job'
import { operations, schemaWords } from './en/operations'
import { overview } from './en/overview'
import { pipelines } from './en/pipelines'
import { plugins } from './en/plugins'
import { preview } from './en/preview'
import { shell } from './en/shell'
import { waiting } from './en/waiting'

export const text = { common, shell, overview, files, job, drop, pipelines, operations, plugins, explain, waiting, preview, schemaWords }

/** What a translation has to offer. */
export type Text = typeof text
