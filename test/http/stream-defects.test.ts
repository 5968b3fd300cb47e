import { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { Attempt } from '../../src/operator/attempt.ts';
import { ControlOutput } from '../../src/pipeline/control/control-output.ts';
import type { EnrichStream } from '../../src/pipeline/stream/enrich-stream.ts';
import { JoinedOutput } from '../../src/pipeline/stream/joined-output.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import { RecordRun } from '../../src/pipeline/record/record-run.ts';
import { records, start, type Started } from './start.ts';
import { WireClient } from './wire-client.ts';

/** The error of a planted defect. */
class Planted extends Error {}

function defect(): never {
  throw new Planted('planted');
}

/** Each use of this member throws from now on. */
function breakMember<Subject extends object>(object: Subject, name: keyof Subject & string): void {
  Object.defineProperty(object, name, { configurable: true, get: defect });
}

/** The next use of this member throws. */
function breakOnce(object: object, name: string): void {
  Object.defineProperty(object, name, {
    configurable: true,
    get() {
      Reflect.deleteProperty(object, name);
      defect();
    },
  });
}

/** Two streams with one answered record each: one to break, and one beside it. */
interface Pair extends Started {
  readonly clock: ReturnType<typeof virtualClock>;
  readonly broken: WireClient;
  readonly beside: WireClient;
  readonly stream: EnrichStream;
  readonly response: ServerResponse;
  readonly log: string[];
}

async function pair(): Promise<Pair> {
  const log: string[] = [];
  const logger = createLogger({
    level: 'info',
    destination: { write: (line) => void log.push(line) },
    secrets: new Secrets(),
  });
  const clock = virtualClock();
  const responses: ServerResponse[] = [];
  const opening = vi.spyOn(Pipeline.prototype, 'open');
  const started = await start({ clock, logger, checkMs: 1000, pipeline: { timeout: '10s' } });
  started.app.server.on('request', (_request, response: ServerResponse) => responses.push(response));
  const connect = async (name: string): Promise<WireClient> => {
    const client = await WireClient.open(started.port);
    client.head('/v1/enrich/test?control=true&checkpoint=5s', 'Transfer-Encoding: chunked');
    client.chunk(records(name));
    await client.until(`"found":"${name}"`);
    return client;
  };
  const beside = await connect('beside-1');
  const broken = await connect('broken-1');
  const opened = opening.mock.results[1];
  const [response] = responses.slice(1);
  if (opened?.type !== 'return' || response === undefined) throw new Error('two streams were expected');
  return { ...started, clock, broken, beside, stream: opened.value, response, log };
}

const untilHeld = async ({ downstream, broken }: Pair): Promise<void> => {
  downstream.hold = true;
  broken.chunk(records('broken-2'));
  await downstream.until(() => downstream.held.length === 1);
  downstream.hold = false;
};

/** Answers the held calls with this status. */
const answerHeld = ({ downstream }: Pair, status = 200): void => {
  for (const { response } of downstream.held.splice(0)) response.writeHead(status).end('{"found":"late"}');
};

type Entry = readonly [event: string, plantAndTrigger: (pair: Pair) => Promise<void>];

/** Events after which the client still reads: its last line says why the stream ends. */
const readEntries: readonly Entry[] = [
  [
    'a chunk of the body',
    async ({ stream, broken }) => {
      breakMember(stream, 'push');
      broken.chunk(records('broken-2'));
    },
  ],
  [
    'the end of the body',
    async ({ stream, broken }) => {
      breakMember(stream, 'endBody');
      broken.write('0\r\n\r\n');
    },
  ],
  [
    'room in the response',
    async ({ stream, response }) => {
      breakMember(stream, 'readerReady');
      response.emit('drain');
    },
  ],
  [
    'the look for streams that stand still',
    async ({ stream, clock }) => {
      breakMember(stream, 'idle');
      await clock.advance(1000);
    },
  ],
  [
    'the beginning of a drain',
    async ({ stream, streams }) => {
      breakMember(stream, 'checkpoint');
      streams.announceDrain();
    },
  ],
  [
    'the timer of a checkpoint',
    async ({ clock }) => {
      // The timer of the stream beside was armed first.
      vi.spyOn(ControlOutput.prototype, 'checkpoint')
        .mockImplementationOnce(() => {})
        .mockImplementationOnce(defect);
      await clock.advance(5000);
    },
  ],
  [
    'the answer of a lookup',
    async (running) => {
      await untilHeld(running);
      vi.spyOn(Attempt.prototype, 'complete').mockImplementationOnce(defect);
      answerHeld(running);
    },
  ],
  [
    'the failure of a lookup',
    async (running) => {
      await untilHeld(running);
      vi.spyOn(Attempt.prototype, 'complete').mockImplementationOnce(defect);
      answerHeld(running, 500);
    },
  ],
  [
    'the end of a record’s time',
    async (running) => {
      await untilHeld(running);
      vi.spyOn(RecordRun.prototype, 'timeOut').mockImplementationOnce(defect);
      vi.spyOn(Attempt.prototype, 'fail').mockImplementationOnce(defect);
      await running.clock.advance(10_000);
    },
  ],
  [
    'the turn of the operator',
    async (running) => {
      await untilHeld(running);
      vi.spyOn(JoinedOutput.prototype, 'emit').mockImplementationOnce(defect);
      answerHeld(running);
    },
  ],
  [
    'the write at the end of a turn of the event loop',
    async (running) => {
      await untilHeld(running);
      vi.spyOn(JoinedOutput.prototype, 'write').mockImplementationOnce(defect);
      answerHeld(running);
    },
  ],
  [
    'the probe of a client that closed its side',
    async (running) => {
      const { response, broken, clock } = running;
      await untilHeld(running);
      const closed = new Promise((resolve) => response.socket?.once('end', resolve));
      broken.write('0\r\n\r\n');
      broken.socket.end();
      await closed;
      breakOnce(response, 'writableEnded');
      await clock.advance(0);
    },
  ],
];

/** The stream beside continues to its complete end. */
async function expectUnharmed({ beside }: Pair): Promise<void> {
  beside.chunk(records('beside-2'));
  await beside.until('"found":"beside-2"');
  beside.write('0\r\n\r\n');
  await beside.until('Millrace-Status: complete');
  expect(beside.received).not.toContain('$fatal');
}

function expectLogged({ log }: Pair): void {
  expect(log.filter((line) => line.includes('"level":"error"')).join('')).toMatch(
    /"err":\{"type":"Planted","message":"planted","stack":"[^"]*stream-defects\.test\.ts/,
  );
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a defect ends the stream whose event it was, and no other stream:', () => {
  test.each(readEntries)('%s', async (_event, plantAndTrigger) => {
    const running = await pair();
    const { broken, heard } = running;
    await plantAndTrigger(running);
    await broken.untilEnded();
    expect(broken.received).toMatch(/\{"\$fatal":\{[^\n]*"code":"internal"[^\n]*\}\}\n\r\n$/);
    await heard.until(() => heard.outcomes.length === 1);
    expect(heard.outcomes).toEqual(['failed']);
    expectLogged(running);
    await expectUnharmed(running);
  });

  test('the end of a client', async () => {
    const running = await pair();
    const { stream, broken, heard } = running;
    breakMember(stream, 'abort');
    broken.socket.destroy();
    await heard.until(() => heard.outcomes.length === 1);
    expect(heard.outcomes).toEqual(['failed']);
    expectLogged(running);
    await expectUnharmed(running);
  });

  test('the last byte of a response, which is complete for its client', async () => {
    const running = await pair();
    const { broken, streams, heard } = running;
    vi.spyOn(streams, 'delete').mockImplementationOnce(defect);
    broken.write('0\r\n\r\n');
    await broken.until('Millrace-Status: complete');
    expect(heard.outcomes).toEqual([]);
    expectLogged(running);
    await expectUnharmed(running);
  });

  test('the head of a response', async () => {
    const running = await pair();
    vi.spyOn(ServerResponse.prototype, 'flushHeaders').mockImplementationOnce(defect);
    const client = await WireClient.open(running.port);
    client.head('/v1/enrich/test?control=true', 'Transfer-Encoding: chunked');
    await client.untilEnded();
    expect(client.received).not.toContain('Millrace-Status: complete');
    expectLogged(running);
    await expectUnharmed(running);
  });

  test('if a cut throws, its connection is closed and the other streams are cut in order', async () => {
    const running = await pair();
    const { beside, broken, stream, streams, heard } = running;
    breakMember(stream, 'cut');
    streams.cutAll('drained', new RequestError('draining', 'the service stops'));
    await Promise.all([broken.untilEnded(), beside.untilEnded()]);
    expect(beside.received).toMatch(/"\$fatal":\{[^\n]*"code":"draining"/);
    expect(heard.outcomes.toSorted()).toEqual(['drained', 'failed']);
    await streams.empty();
    expectLogged(running);
  });
});

test('a defect while one record is answered is a 500 of that request', async () => {
  const running = await pair();
  vi.spyOn(Attempt.prototype, 'complete').mockImplementationOnce(defect);
  const response = await fetch(`${running.url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: records('alone'),
  });
  expect([response.status, await response.json()]).toEqual([500, expect.objectContaining({ code: 'internal' })]);
  expectLogged(running);
  await expectUnharmed(running);
});
