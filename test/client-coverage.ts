import type { CoverageProviderModule } from 'vitest/node';

/** Tests that have to run every line and branch of the HTTP client by themselves. */
const countedTests = /\/test\/connectors\/http\/client\/[^/]+\.test\.ts$/;

interface Worker {
  readonly ctx: { readonly files: readonly { readonly filepath: string }[] };
}

/** Vitest does not promise this global. Without it nothing is counted, and the thresholds fail. */
function counts(): boolean {
  const { __vitest_worker__: worker } = globalThis as { readonly __vitest_worker__?: Worker };
  return worker?.ctx.files.some(({ filepath }) => countedTests.test(filepath)) ?? false;
}

const loadV8 = async (): Promise<CoverageProviderModule> => (await import('@vitest/coverage-v8')).default;
const counting = async (): Promise<CoverageProviderModule | undefined> => (counts() ? loadV8() : undefined);

/**
 * Coverage by V8 in the processes of the client's tests only. Counting makes a test take 1.6 times the CPU, and no other
 * test is needed for the thresholds in vitest.config.ts.
 */
export default {
  getProvider: async () => (await loadV8()).getProvider(),
  startCoverage: async (options) => (await counting())?.startCoverage?.(options),
  takeCoverage: async (options) => (await counting())?.takeCoverage?.(options),
  stopCoverage: async (options) => (await counting())?.stopCoverage?.(options),
} satisfies CoverageProviderModule;
