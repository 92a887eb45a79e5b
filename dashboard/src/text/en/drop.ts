import { number } from '@/format'
/** The page where files are handed over. */
export const drop = {
  about: 'PDFs that you drop here go through the pipeline that you choose, as if they had been put into its folder.',
  pipeline: 'Pipeline',
  choose: 'Choose a pipeline first',
  busy: 'Files are being handed over',
  noPipelines: { title: 'There is no pipeline to hand files to', text: 'Make one first; the shipped examples are a good start.', action: 'Go to the pipelines' },
  unusable: { paused: 'paused: files will wait', invalid: 'has faults: cannot take files' } as Record<string, string>,
  zone: { title: 'Drop PDFs or folders here', over: (pipeline: string) => `Let go to send them through ${pipeline}`, or: 'or', files: 'Choose files', folder: 'Choose a folder', paste: 'Files in the clipboard can be pasted, too.' },
  list: 'Handed over',
  summary: (done: number, total: number, failed: number, left: number) => `${number(done)} of ${number(total)} handed over${failed > 0 ? `, ${number(failed)} failed` : ''}${left > 0 ? `, ${number(left)} left out` : ''}`,
  overall: 'All uploads',
  clear: 'Clear the finished',
  stop: 'Stop',
  retryAll: 'Try the failed again',
  states: { waiting: 'Waiting', sending: 'Sending', done: 'Handed over', failed: 'Failed', skipped: 'Left out', stopped: 'Stopped' } as Record<string, string>,
  progress: (name: string) => `Upload of ${name}`,
  open: 'Open',
  more: (n: number) => `and ${n} more that were handed over`,
  reasons: {
    notPdf: 'It is no PDF: its name does not end in .pdf and it does not begin with %PDF-.',
    empty: 'It is empty.',
    unreadable: 'The browser could not read it.',
    network: 'The connection broke off.',
    networkHint: 'Nothing of it was kept. Try it again.',
  },
  nothing: 'There was no file in what you dropped.',
}
