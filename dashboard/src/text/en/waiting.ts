import { number } from '@/format'
/** The files in the inboxes that are no jobs. */
export const waiting = {
  title: 'Not taken yet',
  about: 'What lies in a watched folder and is not being processed: what each file waits for, or why it stays.',
  link: 'Not taken yet',
  state: 'State',
  all: 'All',
  pipeline: 'Pipeline',
  anyPipeline: 'All pipelines',
  list: 'Files that are not taken yet',
  explain: 'Explain',
  states: { settling: 'Settling', offered: 'About to be taken', taken: 'Being taken', left: 'Left where it is', ignored: 'Ignored' } as Record<string, string>,
  cut: (n: number) => `These are the first ${number(n)}; there may be more.`,
  unseen: (pipeline: string, state: string) => `The folder of ${pipeline} ${state === 'offline' ? 'is offline' : 'cannot be used'}: what lies there is not seen.`,
  nothing: { title: 'Nothing matches', text: 'No file in the chosen folders stands like this.', action: 'Clear the filter' },
  empty: { title: 'Nothing is left lying', text: 'Every file that was seen in a watched folder has been taken. If you miss one, ask why.', action: 'Explain a file', drop: 'Drop files' },
}
