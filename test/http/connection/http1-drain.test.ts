import { once } from 'node:events';
import { expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { drain } from '../../../src/http/connection/drain.ts';
import { start } from '../start.ts';
import { WireClient } from '../wire-client.ts';

test.each([
  ['never sent a byte', ''],
  ['has sent half a head', 'POST /v1/enrich/test HTTP/1.1\r\nHost: te'],
  ['has sent half of the start of TLS', '\u0016\u0003\u0001'],
  ['is kept open behind an answer', 'GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['has sent half a head behind an answer', 'GET /v1/pipelines HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /v1/'],
])('with no stream left a connection of HTTP/1.1 that %s is closed at once', async (_, text) => {
  const clock = virtualClock();
  const { app, streams, drainState, responses, port } = await start({ clock });
  const connected = once(app.server, 'connection');
  const client = await WireClient.open(port);
  await connected;
  client.write(text);
  if (text.startsWith('GET')) await client.until('"pipelines":');
  // The clock stands still, so only the end of the last stream can close the connection.
  expect(await drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 })).toBe(0);
  await client.untilEnded();
  expect(clock.timers).toBe(0);
});
