// A part of the build: puts pdf.js' decoders (JPEG 2000, JBIG2, colour profiles) and character maps beside the page.
import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Plugin } from 'vite'

const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'))
const FOLDERS = [
  { name: 'wasm', wanted: /\.wasm$|^LICENSE/ },
  { name: 'cmaps', wanted: /\.bcmap$|^LICENSE/ },
]

export async function pdfjsAssets(): Promise<Plugin> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const base = `assets/pdfjs-${version}/`
  return {
    name: 'pdfjs-assets',
    async generateBundle() {
      for (const { name, wanted } of FOLDERS) {
        for (const file of (await readdir(join(root, name))).filter((file) => wanted.test(file)).sort()) {
          this.emitFile({ type: 'asset', fileName: `${base}${name}/${file}`, source: await readFile(join(root, name, file)) })
        }
      }
    },
    configureServer(server) {
      server.middlewares.use(`/${base}`, (request, response, next) => {
        const path = (request.url ?? '').split('?')[0] ?? ''
        if (!/^\/(wasm|cmaps)\/[\w.-]+$/.test(path)) return next()
        readFile(join(root, path)).then((bytes) => response.setHeader('content-type', path.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream').end(bytes), next)
      })
    },
  }
}
