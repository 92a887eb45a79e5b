import { defineConfig } from 'vitest/config'

/** End to end: the built page in Chromium, on the real daemon. One file after the other, each with a daemon of its own. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    environment: 'node',
    include: [process.env.DROPLEAF_SCREENSHOTS ? 'screenshots.ts' : '**/*.e2e.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    bail: 0,
  },
})
