// Every page, with something on it.
import { until } from './daemon'
import { pdf } from './pdf'
import { receive, type Scene } from './scene'

export const pipelines: Record<string, string> = {
  receive,
  'split-every-page': 'description: One file for each page\nwatch:\n  folder: inbox/split-every-page\nsteps:\n  - uses: split\n    with: { every: 1 }\noutput:\n  name: "{{ input.stem }}-{{ part.index }}.pdf"\n',
  cover: 'description: Only the cover, for the archive\nwatch:\n  folder: inbox/cover\nsteps:\n  - uses: extract-pages\n    with: { pages: "5" }\n',
}

/** Files in every state that matters, and the addresses of all pages. */
export async function furnish(scene: Scene): Promise<{ name: string; path: string }[]> {
  const { daemon } = scene
  await daemon.drop('receive', 'Invoice 2026-114.pdf', pdf(3, 'Invoice 2026-114'))
  await daemon.drop('receive', 'Contract.pdf', pdf(14, 'Contract'))
  await daemon.drop('split-every-page', 'Minutes.pdf', pdf(6, 'Minutes'))
  await daemon.drop('cover', 'Leaflet.pdf', pdf(2, 'Leaflet'))
  // What is no job: each for a reason of its own.
  for (const [name, bytes] of [['notes.txt', Buffer.from('not a PDF')], ['Half.pdf', pdf(3).subarray(0, 900)], ['Scan 4.pdf.part', Buffer.from('%PDF-1.7')]] as const) await daemon.drop('receive', name, bytes)
  const done = await daemon.jobIn('Contract.pdf', 'succeeded')
  const failed = await daemon.jobIn('Leaflet.pdf', 'failed')
  await daemon.jobIn('Minutes.pdf', 'succeeded')
  await daemon.jobIn('Invoice 2026-114.pdf', 'succeeded')
  await until('what is not taken', async () => (await daemon.get<{ files: unknown[] }>('files')).files.length >= 3)
  await until('the operations', async () => (await daemon.get<unknown[]>('operations')).length > 0)
  return [
    { name: 'overview', path: '/' },
    { name: 'files', path: '/files' },
    { name: 'file', path: `/files/${done.id}` },
    { name: 'file-failed', path: `/files/${failed.id}` },
    { name: 'waiting', path: '/waiting' },
    { name: 'drop', path: '/drop' },
    { name: 'pipelines', path: '/pipelines' },
    { name: 'pipeline', path: '/pipelines/receive' },
    { name: 'operations', path: '/operations' },
    { name: 'operation', path: '/operations/stamp/stamp-text' },
    { name: 'plugins', path: '/plugins' },
    { name: 'explain', path: `/explain?path=${encodeURIComponent(failed.path)}` },
    { name: 'missing', path: '/no-such-page' },
    { name: 'missing-pipeline', path: '/pipelines/none' },
    { name: 'missing-operation', path: '/operations/none/none' },
  ]
}
