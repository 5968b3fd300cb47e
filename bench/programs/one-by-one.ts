import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { numberOf, textOf, work } from '../worker.ts';

/** Sends `times` records in one stream, each when the result of the one before has come: the lowest load of a stream. */
work(async (order) => {
  const times = numberOf(order, 'times');
  const outgoing = request(textOf(order, 'url'), {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const answered = once(outgoing, 'response');
  const waits: number[] = [];
  let incoming: IncomingMessage | undefined;
  for (let time = 0; time < times; time++) {
    const sentAt = performance.now();
    outgoing.write(`{"origin":"K${time}"}\n`);
    if (incoming === undefined) {
      const [response]: IncomingMessage[] = await answered;
      if (response?.statusCode !== 200) throw new Error(`the stream got the status ${response?.statusCode}`);
      incoming = response;
    }
    // One record is one chunk: it is written when it is ready.
    await once(incoming, 'data');
    waits.push(performance.now() - sentAt);
  }
  outgoing.end();
  incoming?.resume();
  waits.sort((one, other) => one - other);
  return { medianMs: waits[waits.length >> 1] ?? Number.NaN };
});
