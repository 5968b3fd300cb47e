import { describe, expect, test } from 'vitest';
import { RequestError } from '../../../src/core/errors.ts';
import { Answer } from '../../../src/lookup/lookup.ts';
import { ScriptedLookup, settled } from '../../pipeline/harness.ts';
import { enriched, records } from '../start.ts';
import { MemoryTransport } from './memory-transport.ts';
import { openSession, type SessionSetup } from './open-session.ts';

function open(setup: SessionSetup = {}) {
  const transport = new MemoryTransport();
  return { transport, ...openSession(transport, setup) };
}

/** A lookup that answers at once. */
const answering = (): ScriptedLookup =>
  new ScriptedLookup('far', ({ key }) => new Answer(`{"found":${JSON.stringify(key)}}`));

const draining = new RequestError('draining', 'the service stops');

describe('a stream from its head to its last byte', () => {
  test('the head names the trailers, and precedes all output', () => {
    const { transport } = open();
    expect(transport.head).toEqual({
      headers: { 'X-Request-Id': 'id-1' },
      trailers: ['Millrace-Status', 'Millrace-Read', 'Millrace-Written', 'Millrace-Errors'],
    });
    expect(transport.output).toBe('');
  });

  test('a complete stream ends with trailers that count its records', async () => {
    const { transport, lookup } = open();
    transport.send(records(1, 2));
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect(transport.output).toBe(enriched(1));
    transport.events.end();
    expect(transport.ends).toEqual([]);
    lookup.calls[1]?.fail(new Error('planted'));
    await settled();
    expect(transport.ends).toEqual(['finish']);
    expect(transport.trailers).toEqual({
      'Millrace-Status': 'complete',
      'Millrace-Read': '2',
      'Millrace-Written': '2',
      'Millrace-Errors': '1',
    });
  });

  test('a stream is live until its last byte is sent, and is reported once', async () => {
    const { transport, streams, reported } = open({ lookup: answering() });
    transport.send(records(1));
    transport.events.end();
    await settled();
    expect([transport.ends, streams.size, reported.released]).toEqual([['finish'], 1, 0]);
    transport.events.finished();
    expect([streams.size, reported.released, transport.watch]).toEqual([0, 1, undefined]);
    expect(reported.logged).toMatchObject([{ pipeline: 'p', outcome: 'completed', read: 1, written: 1 }]);
    expect(reported.traceEnds).toMatchObject([
      {
        outcome: 'completed',
        code: undefined,
        read: 1,
        receivedBytes: records(1).length,
        sentBytes: enriched(1).length,
      },
    ]);
  });

  test('whatever the transport reports after the end changes nothing', async () => {
    const { session, transport, streams, reported } = open({ lookup: answering() });
    transport.send(records(1));
    transport.events.end();
    await settled();
    transport.events.finished();
    transport.events.gone();
    transport.events.finished();
    transport.events.readerReady();
    transport.events.failed(draining);
    transport.send(records(2));
    transport.events.end();
    session.cut('drained', draining);
    expect([transport.ends, streams.size, reported.released]).toEqual([['finish'], 0, 1]);
    expect(reported.logged).toHaveLength(1);
    expect(reported.traceEnds).toHaveLength(1);
    expect(session.describe(0)).toMatchObject({ read: 1, receivedBytes: records(1).length });
  });

  test('describe counts records and bytes, and says why the body is not read', async () => {
    const { session, transport, lookup, clock } = open({ settings: { capacity: 2 } });
    transport.send(records(1, 2, 3));
    await clock.advance(1500);
    expect(session.describe(clock.now())).toMatchObject({
      id: 'id-1',
      pipeline: 'p',
      mode: 'ordered',
      client: 'memory:1',
      ageMs: 1500,
      read: 3,
      written: 0,
      receivedBytes: records(1, 2, 3).length,
      sentBytes: 0,
      capacity: 2,
      inFlight: 2,
      backpressure: 'capacity',
    });
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect(session.describe(clock.now())).toMatchObject({
      written: 1,
      sentBytes: enriched(1).length,
      inFlight: 2,
      backpressure: 'none',
    });
  });

  test('code of a user runs in a later turn than the one in which Node.js reads, and the end stays last', async () => {
    const lookup = Object.assign(new ScriptedLookup('far'), { runsUserCode: true });
    const { transport } = open({ lookup });
    transport.send(records(1));
    transport.events.end();
    expect([lookup.calls.length, transport.paused]).toEqual([0, true]);
    await settled();
    expect(lookup.calls).toHaveLength(1);
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect([transport.output, transport.ends]).toEqual([enriched(1), ['finish']]);
  });
});

describe('backpressure', () => {
  test('the body is paused while every slot is taken, and resumed when one is free', async () => {
    const { transport, lookup } = open({ settings: { capacity: 1 } });
    transport.send(records(1));
    expect(transport.paused).toBe(false);
    transport.send(records(2));
    expect(transport.paused).toBe(true);
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect([transport.paused, lookup.calls.length]).toEqual([false, 2]);
  });

  test('output stops while the transport has no room, and its reader is watched until it has', async () => {
    const { transport } = open({ lookup: answering(), settings: { capacity: 2 } });
    transport.hasRoom = false;
    transport.send(records(1));
    await settled();
    expect(transport.output).toBe(enriched(1));
    expect(transport.watch?.timeoutMs).toBe(30_000);
    transport.send(records(2, 3, 4, 5));
    await settled();
    expect([transport.output, transport.paused]).toEqual([enriched(1), true]);
    transport.hasRoom = true;
    transport.events.readerReady();
    await settled();
    expect(transport.output).toBe(enriched(1, 2, 3, 4, 5));
    expect([transport.paused, transport.watch]).toEqual([false, undefined]);
  });
});

describe('limits.idleTimeout', () => {
  test('cuts a stream whose client sends nothing', async () => {
    const { transport, clock, streams, reported } = open({ lookup: answering() });
    await clock.advance(30_000);
    transport.send(records(1));
    await clock.advance(59_000);
    expect([transport.ends, streams.size]).toEqual([[], 1]);
    await clock.advance(2000);
    expect([transport.ends, streams.size]).toEqual([['cut'], 0]);
    expect(reported.logged).toMatchObject([{ outcome: 'stalled', code: 'idle' }]);
  });

  test('does not cut a stream that waits for its lookups, nor one whose body is complete', async () => {
    const { transport, clock, lookup } = open({ settings: { timeoutMs: 0 } });
    transport.send(records(1));
    await clock.advance(120_000);
    transport.events.end();
    await clock.advance(120_000);
    expect(transport.ends).toEqual([]);
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect([transport.output, transport.ends]).toEqual([enriched(1), ['finish']]);
  });

  test('begins when the last record is out, also if it went out without a line', async () => {
    const { transport, clock, lookup } = open({ settings: { timeoutMs: 0 }, pipeline: { onMiss: 'drop' } });
    transport.send(records(1));
    await clock.advance(120_000);
    lookup.calls[0]?.answer(undefined);
    await clock.advance(58_000);
    expect([transport.ends, transport.output]).toEqual([[], '']);
    await clock.advance(3000);
    expect(transport.ends).toEqual(['cut']);
  });

  test('does not cut a stream while its client still reads what was written before', async () => {
    const { transport, clock } = open({ lookup: answering() });
    transport.send(records(1));
    for (const unread of [3000, 2000, 1000]) {
      transport.unread = unread;
      await clock.advance(60_000);
    }
    expect(transport.ends).toEqual([]);
    await clock.advance(60_000);
    expect(transport.ends).toEqual(['cut']);
  });

  test('does not cut a stream that receives a chunk while the unread bytes are being counted', async () => {
    const { transport, clock } = open({ lookup: answering() });
    const { promise, resolve: counted } = Promise.withResolvers<number>();
    transport.unread = promise;
    await clock.advance(60_000);
    transport.send(records(1));
    counted(0);
    await settled();
    expect([transport.ends, transport.output]).toEqual([[], enriched(1)]);
  });

  test('does not cut a stream that is complete when the unread bytes are counted', async () => {
    const { transport, clock } = open({ lookup: answering() });
    const { promise, resolve: counted } = Promise.withResolvers<number>();
    transport.unread = promise;
    await clock.advance(60_000);
    transport.events.end();
    counted(0);
    await settled();
    expect(transport.ends).toEqual(['finish']);
  });
});

describe('limits.stallTimeout', () => {
  test('resets a stream whose output is not read, and aborts its calls', async () => {
    const { transport, lookup, reported } = open();
    transport.send(records(1, 2));
    transport.hasRoom = false;
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    transport.watch?.stalled();
    expect(transport.ends).toEqual(['reset']);
    expect(lookup.calls[1]?.context.signal.aborted).toBe(true);
    expect(reported.logged).toMatchObject([{ outcome: 'stalled', code: 'stalled' }]);
  });

  test('resets a finished stream whose last bytes are not read', async () => {
    const { transport, reported } = open({ lookup: answering() });
    transport.send(records(1));
    transport.events.end();
    await settled();
    transport.events.readerReady();
    transport.watch?.stalled();
    expect(transport.ends).toEqual(['finish', 'reset']);
    expect(reported.logged).toMatchObject([{ outcome: 'stalled' }]);
  });
});

describe('a stream that ends early', () => {
  test('a drain writes a checkpoint, and the cut after it a checkpoint and the reason', async () => {
    const { transport, lookup, streams, reported } = open({ control: true });
    transport.send(records(1, 2));
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    streams.announceDrain();
    await settled();
    const checkpoint = '{"$checkpoint":{"next":1,"pending":[]}}\n';
    expect(transport.output).toBe(enriched(1) + checkpoint);
    streams.cutAll('drained', draining);
    expect(transport.output).toMatch(/\{"\$fatal":\{.*"code":"draining".*\}\}\n$/);
    expect([transport.ends, streams.size]).toEqual([['cut'], 0]);
    expect(lookup.calls[1]?.context.signal.aborted).toBe(true);
    expect(reported.logged).toMatchObject([{ outcome: 'drained', code: 'draining', read: 2, written: 1 }]);
  });

  test('the calls of a client that is gone are aborted before its pipeline may be closed', async () => {
    const { transport, lookup, streams, reported } = open();
    transport.send(records(1));
    const releasedAtAbort: number[] = [];
    lookup.calls[0]?.context.signal.addEventListener('abort', () => releasedAtAbort.push(reported.released));
    transport.events.gone();
    expect(releasedAtAbort).toEqual([0]);
    expect([transport.ends, streams.size, reported.released]).toEqual([['close'], 0, 1]);
    expect(reported.logged).toMatchObject([{ outcome: 'client_aborted', code: 'bad_body' }]);
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect(transport.output).toBe('');
  });

  test('a body that the transport cannot read to its end cuts the stream, after the records of its whole lines', async () => {
    const { transport, lookup, reported } = open({ control: true });
    transport.send(records(1));
    transport.send('{"key":"2"}');
    transport.events.failed(new RequestError('bad_body', 'the coding is broken'));
    await settled();
    expect(transport.ends).toEqual([]);
    expect(lookup.calls.length).toBe(1);
    lookup.calls[0]?.answer('{"found":"1"}');
    await settled();
    expect(transport.output).toMatch(/"found":"1".*\n.*\n?\{"\$fatal":\{.*"code":"bad_body".*\}\}\n$/);
    expect(transport.ends).toEqual(['cut']);
    expect(reported.logged).toMatchObject([{ outcome: 'failed', code: 'bad_body', detail: 'the coding is broken' }]);
  });

  test('a defect ends the stream in order', async () => {
    const { transport, reported } = open({ lookup: answering(), control: true });
    transport.send(records(1));
    await settled();
    transport.events.defect(new Error('planted'));
    expect(transport.output).toMatch(/\{"\$fatal":\{.*"code":"internal".*\}\}\n$/);
    expect(transport.output).not.toContain('planted');
    expect(transport.ends).toEqual(['cut']);
    expect(reported.logged).toMatchObject([{ err: { message: 'planted' } }, { outcome: 'failed', code: 'internal' }]);
  });

  test('a defect whose cut throws too closes the connection, and the stream is reported once', async () => {
    const { transport, lookup, streams, reported } = open({ control: true });
    transport.send(records(1));
    transport.write = () => {
      throw new Error('planted twice');
    };
    transport.events.defect(new Error('planted'));
    expect([transport.ends, streams.size, reported.released]).toEqual([['close'], 0, 1]);
    expect(lookup.calls[0]?.context.signal.aborted).toBe(true);
    expect(reported.traceEnds).toMatchObject([{ outcome: 'failed', code: 'internal' }]);
  });
});
