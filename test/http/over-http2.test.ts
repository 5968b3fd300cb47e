import { describe } from 'vitest';
import { speakHttp2 } from './spoken.ts';

/** The suites of one connection, as they are, once more over HTTP/2 without TLS. */
speakHttp2();

describe('over HTTP/2', async () => {
  await import('./streaming.test.ts');
  await import('./control.test.ts');
  await import('./timeouts.test.ts');
  await import('./clients.test.ts');
  await import('./refusals.test.ts');
  await import('./answers.test.ts');
  await import('./bodies.test.ts');
  await import('./overload.test.ts');
  await import('./memory.test.ts');
  await import('./record-failures.test.ts');
  await import('./event-stream.test.ts');
  await import('./retries.test.ts');
  await import('./stream-defects.test.ts');
  await import('./tracing.test.ts');
  await import('./resume.property.test.ts');
  await import('./records-add-up.property.test.ts');
  await import('./connection/drain.test.ts');
  await import('./access/tokens.test.ts');
  await import('./access/token-limits.test.ts');
  await import('./access/origins.test.ts');
  await import('./access/hosts.test.ts');
});
