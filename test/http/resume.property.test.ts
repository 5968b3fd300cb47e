import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestError } from '../../src/core/errors.ts';
import { type Downstream, start, type Started } from './start.ts';
import { openStream } from './stream-client.ts';

type Mode = 'ordered' | 'unordered' | 'keyed';

/** After how many received lines a stream is cut, and by which side. */
interface Cut {
  readonly afterLines: number;
  readonly by: 'client' | 'service';
}

interface Attempt {
  /** Whole lines that were received. */
  readonly lines: readonly string[];
  readonly complete: boolean;
}

/** Sends one request, and breaks it off if there is a cut. */
async function attempt({ url, streams }: Started, query: string, body: string, cut?: Cut): Promise<Attempt> {
  const client = await openStream(`${url}/v1/enrich/test?${query}`);
  client.onData = () => {
    if (cut === undefined || client.text.split('\n').length <= cut.afterLines) return;
    if (cut.by === 'client') client.leave();
    else streams.cutAll('drained', new RequestError('draining', 'cut by the test'));
  };
  client.end(body);
  await client.closed();
  const lines = client.text.split('\n').slice(0, -1);
  return { lines, complete: lines.at(-1)?.startsWith('{"$summary"') === true };
}

const isRecord = (line: string): boolean => !/^\{"\$(?:checkpoint|summary|fatal)"/.test(line);

/** Sends the input until it is complete. After each cut it resumes at the last checkpoint, and drops the lines after it. */
async function untilComplete(
  started: Started,
  query: string,
  input: readonly string[],
  cuts: readonly Cut[],
): Promise<readonly string[]> {
  const kept: string[] = [];
  let from = { next: 0, pending: [] as number[] };
  for (let turns = 0; ; turns++) {
    const rest = [...from.pending.map((seq) => input[seq]), ...input.slice(from.next)];
    // A checkpoint without pending lines may also be resumed by `offset`.
    const short = from.pending.length === 0 && turns % 2 === 0;
    const where = short ? `&offset=${from.next}` : '';
    const head = short ? '' : `${JSON.stringify({ $resume: from })}\n`;
    const { lines, complete } = await attempt(started, query + where, `${head}${rest.join('\n')}\n`, cuts[turns]);
    if (complete) return [...kept, ...lines.filter(isRecord)];
    const last = lines.findLastIndex((line) => line.startsWith('{"$checkpoint"'));
    if (last < 0) continue;
    kept.push(...lines.slice(0, last).filter(isRecord));
    from = JSON.parse(lines[last] ?? '').$checkpoint;
  }
}

/** Answers held calls in random order, until `done`. */
async function answerAnyhow(downstream: Downstream, seed: number, done: () => boolean): Promise<void> {
  let state = seed;
  while (!done()) {
    if (downstream.held.length === 0) await turn();
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1;
    const [call] = downstream.held.splice(state % Math.max(1, downstream.held.length), 1);
    call?.answer({ found: call.key });
    for (let turns = state % 3; turns > 0; turns--) await turn();
  }
}

/** The part of the output that has to be equal: in order, or between watermarks, or for each key in order. */
function comparable(lines: readonly string[], mode: Mode): unknown {
  if (mode === 'ordered') return lines;
  const segments: string[][] = [[]];
  for (const line of lines) {
    segments.at(-1)?.push(line);
    if (line.startsWith('{"$watermark"')) segments.push([]);
  }
  const sorted = segments.map((segment) => segment.toSorted());
  if (mode === 'unordered') return sorted;
  const ofKey = Map.groupBy(lines, (line) => /"k":(\d)/.exec(line)?.[1]);
  return [sorted, ...['0', '1', '2'].map((key) => ofKey.get(key))];
}

const line = fc.oneof(
  { weight: 12, arbitrary: fc.nat(2).map((k) => (id: number) => `{"k":${k},"key":"${id}"}`) },
  { weight: 2, arbitrary: fc.constant((id: number) => `{"$watermark":${id}}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<(id: number) => string>(
      () => '',
      () => '  ',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<(id: number) => string>(
      (id) => `[${id}]`,
      (id) => `{"id":${id}}`,
    ),
  },
);
const input = fc.array(line, { minLength: 1, maxLength: 40 }).map((makers) => makers.map((make, id) => make(id)));
const cut = fc.record({ afterLines: fc.nat(15), by: fc.constantFrom('client' as const, 'service' as const) });

test.each(['ordered', 'unordered', 'keyed'] as const)(
  '%s: a stream that is cut anywhere and taken up from its last checkpoint loses nothing and repeats nothing',
  async (mode) => {
    const started = await start({ pipeline: { key: '/k', capacity: 5 } });
    started.downstream.hold = true;
    await fc.assert(
      fc.asyncProperty(
        input,
        fc.array(cut, { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat(),
        async (lines, cuts, checkpoint, seed) => {
          let done = false;
          const answering = answerAnyhow(started.downstream, seed, () => done);
          const query = `control=true&mode=${mode}`;
          const whole = await untilComplete(started, query, lines, []);
          const parts = await untilComplete(started, `${query}&checkpoint=${checkpoint}`, lines, cuts);
          done = true;
          await answering;
          expect(comparable(parts, mode)).toEqual(comparable(whole, mode));
        },
      ),
      { numRuns: 40 },
    );
  },
  60_000,
);
