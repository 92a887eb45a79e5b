import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { pdfjsAssets } from './pdfjs-assets.ts'

/** The daemon that the development server hands `/api` to. */
const daemon = process.env.DROPLEAF_URL ?? 'http://127.0.0.1:7311'

export default defineConfig({
  plugins: [vue(), pdfjsAssets()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  server: {
    // The daemon refuses foreign hosts and origins, so the proxy speaks in its name.
    proxy: {
      '^/(api|problems|healthz|readyz|metrics)': {
        target: daemon,
        changeOrigin: true,
        configure: (proxy) => proxy.on('proxyReq', (request) => request.setHeader('origin', daemon)),
      },
    },
  },
  worker: { format: 'es' },
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The page's policy allows no inline script and no data URL scripts: everything is a file with a hash in its name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'manifest.json',
    license: { fileName: 'licenses.md' },
    reportCompressedSize: false,
    sourcemap: false,
    chunkSizeWarningLimit: 1500,
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts', 'tests/unit/**/*.test.ts'],
    restoreMocks: true,
    // A list of a thousand takes a loaded machine longer than the usual 5 s.
    testTimeout: 30_000,
  },
})
