/** The page `plugins`. */
export const plugins = {
  about: 'Libraries that offer operations. A new or changed file in the plugins folder becomes current for new jobs by itself.',
  current: 'Current',
  broken: 'Broken',
  brokenTitle: (n: number) => (n === 1 ? '1 file cannot be used' : `${n} files cannot be used`),
  version: 'Version',
  operations: 'Operations',
  hash: 'BLAKE3',
  copyHash: 'Copy the hash',
  file: 'Loaded from',
  license: 'Licence',
  vendor: 'Made by',
  toolchain: 'Built with',
  none: { title: 'No plugin is installed', text: 'Copy a plugin library into the plugins folder of the home; it is taken up at once. `dropleaf new plugin` writes one to start from.' },
  path: 'File',
  reason: 'Why',
}
