// Serves the built page the way the daemon does (policy, fallback, caching) and hands the API to a daemon: for end-to-end tests
// against a daemon whose binary was built before the page.
//
//   DROPLEAF_URL=http://127.0.0.1:7311 PORT=0 npm run serve:e2e      DROPLEAF_DIST names another built page than `dist/`
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const daemon = new URL(process.env.DROPLEAF_URL ?? 'http://127.0.0.1:7311')
const dist = process.env.DROPLEAF_DIST ?? fileURLToPath(new URL('../dist', import.meta.url))
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml', '.json': 'application/json', '.wasm': 'application/wasm', '.ttf': 'font/ttf', '.woff2': 'font/woff2',
}
const policy = (style) =>
  `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' ${style}; img-src 'self' data: blob:; font-src 'self' data: blob:; ` +
  "connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

function proxy(incoming, outgoing) {
  const headers = { ...incoming.headers, host: daemon.host }
  if (headers.origin) headers.origin = daemon.origin
  const upstream = request({ host: daemon.hostname, port: daemon.port, path: incoming.url, method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    outgoing.flushHeaders()
    answer.pipe(outgoing)
    answer.on('error', () => outgoing.destroy())
  })
  upstream.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()))
  outgoing.on('close', () => upstream.destroy())
  incoming.pipe(upstream)
}

async function file(path, outgoing) {
  const name = extname(path) === '' ? 'index.html' : normalize(path).replace(/^\/+/, '')
  const bytes = await readFile(join(dist, name)).catch(() => undefined)
  if (!bytes) return outgoing.writeHead(404).end()
  const nonce = randomBytes(16).toString('base64')
  const html = name === 'index.html'
  outgoing.writeHead(200, {
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'content-security-policy': policy(html ? `'nonce-${nonce}'` : ''),
    'x-content-type-options': 'nosniff',
    'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  })
  outgoing.end(html ? bytes.toString().replace('DROPLEAF_CSP_NONCE', nonce) : bytes)
}

const server = createServer((incoming, outgoing) => {
  const path = decodeURIComponent(new URL(incoming.url ?? '/', 'http://page').pathname)
  if (/^\/(api|problems|healthz|readyz|metrics)(\/|$)/.test(path)) proxy(incoming, outgoing)
  else void file(path, outgoing)
})
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
