import { describe } from 'vitest';
import { declareSuites } from './every-transport.ts';
import { speakTls } from './spoken.ts';

speakTls();

describe('over HTTP/1.1 with TLS', async () => {
  await declareSuites();
  await import('./http1.test.ts');
  await import('./http1-slow-reader.test.ts');
  await import('./connection/http1-drain.test.ts');
  await import('./clients.test.ts');
  await import('./pipelined.test.ts');
});
