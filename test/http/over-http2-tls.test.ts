import { describe } from 'vitest';
import { declareSuites } from './every-transport.ts';
import { speakHttp2, speakTls } from './spoken.ts';

speakTls();
speakHttp2();

describe('over HTTP/2 with TLS', async () => {
  await declareSuites();
});
