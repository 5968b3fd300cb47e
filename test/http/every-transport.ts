/** The suites of what holds over each version of HTTP, with TLS and without: they speak what this process speaks. */
const suites: readonly (() => Promise<unknown>)[] = [
  () => import('./streaming.test.ts'),
  () => import('./timeouts.test.ts'),
  () => import('./bodies.test.ts'),
  () => import('./memory.test.ts'),
  () => import('./control.test.ts'),
  () => import('./refusals.test.ts'),
  () => import('./answers.test.ts'),
  () => import('./record-failures.test.ts'),
  () => import('./event-stream.test.ts'),
  () => import('./resume.property.test.ts'),
  () => import('./records-add-up.property.test.ts'),
  () => import('./tracing.test.ts'),
  () => import('./deep-json.test.ts'),
  () => import('./retries.test.ts'),
  () => import('./connection/drain.test.ts'),
  () => import('./access/token-limits.test.ts'),
];

export async function declareSuites(): Promise<void> {
  for (const suite of suites) await suite();
}
