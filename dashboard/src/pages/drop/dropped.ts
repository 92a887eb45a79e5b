// The files in what was dropped, folders and what is in them included.

export interface Found {
  file: File
  /** Its path within what was dropped. */
  label: string
}

/** System litter that nobody means. */
const LITTER = /^(\.|Thumbs\.db$|desktop\.ini$)/i

/** Must be called while the drop event is handled: the browser forgets the items afterwards. */
export function fromDrop(transfer: DataTransfer): Promise<Found[]> {
  const entries = [...transfer.items].flatMap((item) => (item.kind === 'file' ? [item.webkitGetAsEntry?.() ?? item.getAsFile()] : []))
  return Promise.all(entries.map((entry) => (entry === null ? [] : entry instanceof File ? [{ file: entry, label: entry.name }] : walk(entry)))).then((all) => all.flat())
}

export function fromInput(list: FileList): Found[] {
  return [...list].map((file) => ({ file, label: file.webkitRelativePath || file.name })).filter(({ file }) => !LITTER.test(file.name))
}

async function walk(entry: FileSystemEntry): Promise<Found[]> {
  if (LITTER.test(entry.name)) return []
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ file, label: entry.fullPath.replace(/^\//, '') }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const children: FileSystemEntry[] = []
  for (;;) {
    // A reader gives at most a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) break
    children.push(...some)
  }
  return (await Promise.all(children.map(walk))).flat()
}
