/** The page `explain`. */
export const explain = {
  about: 'Why has a file been processed, or not? The daemon tells every decision it made about it.',
  label: 'Path of the file',
  placeholder: 'inbox/receive/scan.pdf',
  hint: 'Relative to the home, or absolute. The file may be gone by now.',
  submit: 'Explain',
  folders: 'Watched folders',
  chain: 'What was decided',
  passed: 'Yes',
  stopped: 'This is where it stops',
  besides: 'Besides',
  openJob: 'Open the file’s page',
  again: 'Look again',
  empty: { title: 'Name a file', text: 'Type or paste its path above, or start from a watched folder.', waiting: 'What is not taken yet' },
}
