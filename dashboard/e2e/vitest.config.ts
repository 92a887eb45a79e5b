import { defineConfig } from 'vitest/config'

/** End to end: the built page in Chromium, on the real daemon. Each file has a daemon and a browser of its own, two at a time. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    environment: 'node',
    include: [process.env.DROPLEAF_SCREENSHOTS ? 'screenshots.ts' : '**/*.e2e.ts'],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // States are waited for, however slow the machine is.
    expect: { poll: { timeout: 20_000, interval: 50 } },
    bail: 0,
  },
})
