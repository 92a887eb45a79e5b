// Builds the page into a temporary folder and compares it, byte by byte, with the committed `dist/`.
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const fresh = await mkdtemp(join(tmpdir(), 'dropleaf-dist-'))

async function files(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

try {
  await build({ root, logLevel: 'error', build: { outDir: fresh, emptyOutDir: true } })
  const committed = join(root, 'dist')
  const [wanted, there] = [await files(fresh), await files(committed)]
  const differ = []
  for (const name of new Set([...wanted, ...there])) {
    if (!wanted.includes(name)) differ.push(`${name}: not part of the page any more`)
    else if (!there.includes(name)) differ.push(`${name}: missing`)
    else if (!(await readFile(join(fresh, name))).equals(await readFile(join(committed, name)))) differ.push(`${name}: differs`)
  }
  if (differ.length > 0) {
    console.error(`dist/ is not the build of these sources; run \`npm run build\` and commit it:\n  ${differ.join('\n  ')}`)
    process.exitCode = 1
  } else console.log(`dist/ is the build of these sources (${wanted.length} files)`)
} finally {
  await rm(fresh, { recursive: true, force: true })
}
