import { describe } from 'vitest';
import { declareSuites } from './every-transport.ts';
import { speakHttp2 } from './spoken.ts';

speakHttp2();

describe('over h2c', async () => {
  await declareSuites();
  await import('./overload.test.ts');
});
