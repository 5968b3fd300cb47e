import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PipelineConfig } from '../../../src/config/schema/schema.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { canonicalNumber, isJsonNumber } from '../../../src/core/json/json-number.ts';
import { MemoryBudget } from '../../../src/core/memory-budget.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import { inLaterTurn } from '../../../src/core/time/later-turn.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Answer, type Argument, type Arguments, type KeepableAnswers, RawJson } from '../../../src/lookup/lookup.ts';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';
import { buildSteps } from '../../../src/pipeline/build.ts';
import type { StreamSummary } from '../../../src/pipeline/stream/tally.ts';
import { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { pipelineOf, Run, ScriptedLookup, settled, step } from '../harness.ts';

/** A lookup in memory that counts its calls as a table does. With `keeps`, blocks of lines need no record. */
class Rows extends ScriptedLookup {
  rows: ReadonlyMap<string, string>;
  version = 0;
  readonly counts = { ok: 0, miss: 0 };
  /** Searches for a key. */
  finds = 0;
  readonly keepable: KeepableAnswers | undefined;

  constructor(name: string, rows: ReadonlyMap<string, string>, keeps: boolean) {
    super(name, (args) => this.#counted(args), true);
    this.rows = rows;
    if (!keeps) return;
    const versionOf = (): number => this.version;
    this.keepable = {
      get version() {
        return versionOf();
      },
      find: (argument) => this.#find(argument),
      answered: (requests, misses) => {
        this.counts.ok += requests - misses;
        this.counts.miss += misses;
      },
    };
  }

  #counted({ key }: Arguments): Answer {
    const answer = this.#find(key);
    this.counts[answer.json === undefined ? 'miss' : 'ok'] += 1;
    return answer;
  }

  #find(argument: Argument | undefined): Answer {
    this.finds += 1;
    if (typeof argument === 'string') return new Answer(this.rows.get(`"${argument}`));
    const source = argument instanceof RawJson ? argument.source : String(argument);
    if (!isJsonNumber(source)) throw new RecordError('missing_argument', `argument {key} is ${source}`);
    return new Answer(this.rows.get(`#${canonicalNumber(source)}`));
  }
}

const steps = [
  step('airport', '/from', '/origin'),
  step('city', '/at', '/place'),
  step('airport', '/to', '/destination'),
];

interface Scene {
  readonly run: Run;
  readonly lookups: readonly Rows[];
  readonly metrics: () => Promise<readonly string[]>;
}

type Tables = readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>];

function scene(
  tables: Tables,
  count: number,
  onMiss: PipelineConfig['onMiss'],
  mode: 'ordered' | 'unordered',
  keeps: boolean,
  lineBytes = 2048,
): Scene {
  const lookups = [new Rows('airport', tables[0], keeps), new Rows('city', tables[1], keeps)];
  const { pipeline } = pipelineOf(lookups, steps.slice(0, count), { onMiss, mode });
  const metrics = createMetrics({ version: '0', clock: virtualClock() });
  const observed = new Pipeline(
    'p',
    pipeline.config,
    buildSteps(pipeline.config, new Map(lookups.map((lookup) => [lookup.name, lookup]))),
    {
      observer: metrics.observer.pipeline('p'),
      clock: virtualClock(),
      lineBytes,
      memory: new MemoryBudget(Infinity, inLaterTurn),
      secrets: new Secrets(),
    },
  );
  return {
    run: new Run(observed),
    lookups,
    metrics: async () =>
      (await metrics.scrape()).split('\n').filter((line) => /^millrace_(record|reorder|received)/.test(line)),
  };
}

interface Result {
  readonly output: string;
  readonly summary: StreamSummary | undefined;
  readonly counts: unknown;
  readonly metrics: readonly string[];
}

/** `reads`: whether the client reads on, before each turn. In the end it reads everything. */
async function result(
  { run, lookups, metrics }: Scene,
  chunks: readonly Buffer[],
  reads: readonly boolean[],
): Promise<Result> {
  let turns = 0;
  let wantsMore = true;
  const untilItWantsMore = async (): Promise<void> => {
    do {
      run.room = reads[turns++ % reads.length] ?? true;
      const { resumed } = run;
      if (run.room) run.stream.readerReady();
      await settled();
      wantsMore ||= run.resumed > resumed;
    } while (!wantsMore);
  };
  for (const chunk of chunks) {
    // The stream frees the memory of a chunk that it has read.
    wantsMore = run.stream.push(Buffer.from(chunk));
    await untilItWantsMore();
  }
  run.stream.endBody();
  while (run.summary === undefined) {
    run.room = true;
    run.stream.readerReady();
    await settled();
  }
  return {
    output: run.output,
    summary: run.summary,
    counts: lookups.map(({ counts }) => counts),
    metrics: await metrics(),
  };
}

const names = ['from', 'at', 'to', 'origin', 'place', 'other', 'fr\\u006fm'];
const keys = [
  '"A"',
  '"B"',
  '"Zürich"',
  '"\\u0041"',
  '""',
  '"a much longer key than sixteen bytes"',
  '1',
  '1.0',
  '10e-1',
  '-7',
  'null',
  'true',
  '{}',
  '[1]',
  '"unknown"',
];
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...keys) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
);
const space = fc.constantFrom('', '', '', '', ' ', '\t', '\r');
const member = fc
  .tuple(space, fc.constantFrom(...names), space, value, space)
  .map(([a, name, b, json, c]) => `${a}"${name}"${b}:${json}${c}`);
const usual = fc
  .tuple(
    fc.constantFrom(...keys.slice(0, 8)),
    fc.constantFrom(...keys.slice(0, 8)),
    fc.constantFrom(...keys.slice(0, 8)),
    fc.nat(200),
  )
  .map(([from, at, to, bytes]) => `{"from":${from},"at":${at},"n":"${'x'.repeat(bytes)}","to":${to}}`);
const line = fc.oneof(
  { weight: 12, arbitrary: usual },
  { weight: 4, arbitrary: fc.array(member, { maxLength: 5 }).map((members) => `{${members.join(',')}}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '{',
      '{}',
      '{"from":"A"',
      '{"from":"A"}}',
      '[]',
      '"from"',
      '{"from":"A",}',
      '{"from":01}',
      `{"from":"A","n":"${'y'.repeat(2100)}"}`,
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', '')) },
);
const end = fc.constantFrom('\n', '\n', '\n', '\n', '\r\n', ' \n');
/** Lines, and some of them many times, so that blocks are long enough. */
const body = fc
  .array(
    fc.tuple(
      line,
      end,
      fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 100 }) }),
    ),
    { maxLength: 30 },
  )
  .map((lines) => Buffer.from(lines.map(([text, lineEnd, times]) => `${text}${lineEnd}`.repeat(times)).join('')));
const rowJson = fc.constantFrom('{"city":"San Antonio"}', '"ü"', 'null', '1.0', '[]', `"${'z'.repeat(3000)}"`);
const table = fc
  .dictionary(
    fc.constantFrom('"A', '"B', '"Zürich', '"', '"a much longer key than sixteen bytes', '#1', '#-7'),
    rowJson,
    {
      noNullPrototype: true,
    },
  )
  .map((rows) => new Map(Object.entries(rows)));

function chunksOf(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let from = 0, index = 0; from < bytes.length; index += 1) {
    const to = from + (sizes[index % sizes.length] ?? 1);
    chunks.push(bytes.subarray(from, to));
    from = to;
  }
  return chunks;
}

const many = (count: number): Buffer => Buffer.from('{"from":"A","n":"0123456789"}\n'.repeat(count));

/** 300 lines, none of them ASCII, of which two of three have a key that no other has; in memory of their own, as a body has. */
function ownKeys(name: string): Buffer {
  const lines = Array.from({ length: 300 }, (_, n) => `{"from":"${name}${n - (n % 3 === 2 ? 1 : 0)}","n":"ü"}\n`);
  const text = Buffer.from(lines.join(''));
  const own = Buffer.allocUnsafeSlow(text.length);
  text.copy(own);
  return own;
}

describe('lines that are enriched in blocks', () => {
  test('have the output and the counts of lines that are records', async () => {
    const sizes = fc.array(fc.constantFrom(97, 1000, 5000, 20_000, 70_000), { minLength: 1, maxLength: 4 });
    const policy = fc.constantFrom('null', 'omit', 'drop', 'error');
    await fc.assert(
      fc.asyncProperty(
        table,
        table,
        fc.integer({ min: 1, max: 3 }),
        policy,
        fc.constantFrom('ordered', 'unordered'),
        body,
        sizes,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }).map((reads) => [...reads, true]),
        async (airports, cities, count, onMiss, mode, bytes, chunkSizes, reads) => {
          const chunks = chunksOf(bytes, chunkSizes);
          const [blocks, records] = [true, false].map((keeps) =>
            scene([airports, cities], count, onMiss as 'null', mode as 'ordered', keeps),
          );
          expect(await result(blocks as Scene, chunks, reads)).toEqual(await result(records as Scene, chunks, reads));
        },
      ),
      { numRuns: 100 },
    );
  });

  const rows = new Map([['"A', '{"city":"old"}']]);

  test('get the rows of the table as they are when the line is read', async () => {
    const { run, lookups } = scene([rows, rows], 1, 'null', 'ordered', true);
    run.stream.push(many(100));
    const [airport] = lookups;
    if (airport === undefined) throw new Error('there is no lookup');
    airport.rows = new Map([['"A', '{"city":"new"}']]);
    airport.version += 1;
    run.stream.push(many(100));
    airport.rows = new Map();
    airport.version += 1;
    run.stream.push(many(100));
    await settled();
    const answers = run.lines.map((text) => /"origin":(.*)}$/.exec(text)?.[1]);
    expect(answers).toEqual(
      ['{"city":"old"}', '{"city":"new"}', 'null'].flatMap((json) => Array<string>(100).fill(json)),
    );
    expect(airport.counts).toEqual({ ok: 200, miss: 100 });
  });

  test('stop if the client does not read, with at most one write of output', async () => {
    const { run } = scene([rows, rows], 1, 'null', 'ordered', true, 1 << 20);
    run.room = false;
    expect(run.stream.push(many(20_000))).toBe(false);
    await settled();
    expect(run.writes).toBe(1);
    expect(run.output.length).toBeLessThan(64 * 1024);
    run.stream.abort('test over');
  });

  test.each([65_535, 65_536, 65_537])('may end at the byte %i of a chunk', async (bytes) => {
    const head = '{"from":"A","n":"';
    const text = `${head}${'x'.repeat(bytes - 3000 - head.length - 3)}"}\n` + many(50).toString();
    const last = `${head}${'y'.repeat(bytes - text.length - head.length - 3)}"}\n`;
    const body64 = Buffer.from(text + last + many(3).toString());
    expect(text.length + last.length).toBe(bytes);
    const { run } = scene([rows, rows], 1, 'null', 'ordered', true, 1 << 20);
    const { run: ofRecords } = scene([rows, rows], 1, 'null', 'ordered', false, 1 << 20);
    for (const each of [run, ofRecords]) each.stream.push(Buffer.from(body64));
    await settled();
    expect(run.lines).toHaveLength(55);
    expect(run.output).toBe(ofRecords.output);
  });

  test('are written without a record: each key is searched once', () => {
    const { run, lookups } = scene([rows, rows], 1, 'null', 'ordered', true, 1 << 20);
    const before = lookups[0]?.finds ?? Number.NaN;
    run.stream.push(many(2000));
    expect((lookups[0]?.finds ?? Number.NaN) - before).toBe(1);
    run.stream.abort('test over');
  });

  test('are left to the records after a block that gains little, also if its memory is freed', () => {
    const { run, lookups } = scene([new Map(), rows], 1, 'null', 'ordered', true, 1 << 20);
    const finds = ['freed-a', 'freed-b', 'freed-c'].map((name) => {
      const before = lookups[0]?.finds ?? Number.NaN;
      const bytes = ownKeys(name);
      run.stream.push(bytes);
      expect(bytes).toHaveLength(0);
      return (lookups[0]?.finds ?? Number.NaN) - before;
    });
    expect(finds).toEqual([200, 300, 200]);
    run.stream.abort('test over');
  });
});
