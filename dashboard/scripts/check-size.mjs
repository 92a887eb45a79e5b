// What a browser loads before it shows the overview or the files, compressed as the daemon sends it, against the budget.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const BUDGET = 250 * 1024
const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const manifest = JSON.parse(await readFile(`${dist}manifest.json`, 'utf8'))
const first = ['index.html', 'src/pages/overview/OverviewPage.vue', 'src/pages/files/FilesPage.vue']

/** A chunk, all that it imports at once, and their styles. */
function gather(key, found = new Set()) {
  const chunk = manifest[key]
  if (!chunk) throw new Error(`dist/manifest.json knows no ${key}`)
  if (found.has(chunk.file)) return found
  found.add(chunk.file)
  for (const style of chunk.css ?? []) found.add(style)
  for (const imported of chunk.imports ?? []) gather(imported, found)
  return found
}

const files = new Set(['index.html', 'icon.svg'])
for (const key of first) for (const file of gather(key)) files.add(file)
const worker = Object.values(manifest).flatMap(({ assets = [] }) => assets).find((file) => file.includes('shared-worker'))
if (!worker) throw new Error('dist/manifest.json knows no shared worker')
files.add(worker)

let [brotli, gzip] = [0, 0]
for (const file of files) {
  const content = await readFile(dist + file)
  brotli += brotliCompressSync(content).length
  gzip += gzipSync(content, { level: 9 }).length
}
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`
console.log(`first load: ${files.size} files, ${kib(brotli)} brotli, ${kib(gzip)} gzip; budget ${kib(BUDGET)}`)
if (gzip > BUDGET) process.exitCode = 1
