import { describe } from 'vitest';
import { speakTls } from './spoken.ts';

/** The suites of one connection, as they are, once more over TLS: what they promise does not depend on the transport. */
speakTls();

describe('over TLS', async () => {
  await import('./streaming.test.ts');
  await import('./timeouts.test.ts');
  await import('./clients.test.ts');
  await import('./refusals.test.ts');
  await import('./pipelined.test.ts');
  await import('./answers.test.ts');
  await import('./bodies.test.ts');
  await import('./connection/drain.test.ts');
});
