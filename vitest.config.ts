import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['./test/leaks.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // By default one core is reserved for the runner: with two cores the files would run one after the other.
    maxWorkers: '100%',
    reporters: ['default', './test/summary-reporter.ts'],
    // Counted by `vitest run --coverage`, which `npm test` calls: the parser and client of HTTP/1.1, and no other files.
    coverage: {
      provider: 'custom',
      customProviderModule: './test/client-coverage.ts',
      include: ['src/connectors/http/client/**/*.ts'],
      exclude: ['src/connectors/http/client/undici-client.ts', 'src/connectors/http/client/head/assembly/**'],
      reporter: [['text', { skipFull: true }]],
      thresholds: { 100: true },
    },
  },
});
