import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import { besideBadClients } from './experiments/bad-clients.ts';
import { batches } from './experiments/batches.ts';
import { compressed } from './experiments/compression.ts';
import { wholeService } from './experiments/calls.ts';
import { throughDoors } from './experiments/doors.ts';
import { overHttp2 } from './experiments/http2.ts';
import { halfLoad } from './experiments/half-load.ts';
import { shareOfLimit } from './experiments/latency.ts';
import { layersAtRest } from './experiments/layers.ts';
import { linesThrough } from './experiments/lines.ts';
import { oneAtATime } from './experiments/one-at-a-time.ts';
import { operatorAlone } from './experiments/operator.ts';
import { pairs } from './experiments/pairs.ts';
import { verdicts, type Section } from './figures.ts';
import { markdown, reportOf } from './report.ts';

const usage = `npm run bench -- [--only a,c] [--quick] [--seed N] [--write | --against DIR]
  --only   some of: a the whole service, b share of the limit, c the operator alone, d lines through a table,
           e one record at a time, f latency at half load, g batches,
           h layers that have nothing to do, i TLS and a bearer token, j compression, k HTTP/2,
           l a stream beside bad clients
  --quick  about a tenth of the time; to see that it runs, not for figures
  --seed   decides the order of the contenders in each round; a run prints its seed
  --write  put the figures into bench/README.md
  --against DIR  measure this checkout and another one in turn, and print the ratios of the two (a to e)
`;

const experiments: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  a: wholeService,
  b: shareOfLimit,
  c: operatorAlone,
  d: linesThrough,
  e: oneAtATime,
  f: halfLoad,
  g: batches,
  h: layersAtRest,
  i: throughDoors,
  j: compressed,
  k: overHttp2,
  l: besideBadClients,
};

/** What the command line says; writes its mistake and ends the process with 2 if it has one. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: Object.keys(experiments).join() },
        quick: { type: 'boolean', default: false },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        write: { type: 'boolean', default: false },
        against: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const names = values.only.split(',');
    const unknown = names.find((name) => !Object.hasOwn(experiments, name));
    if (unknown !== undefined) throw new Error(`there is no benchmark "${unknown}"`);
    if (!/^\d+$/.test(values.seed)) throw new Error(`--seed takes a whole number, not "${values.seed}"`);
    return { ...values, names, seed: Number(values.seed) };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return process.exit(2);
  }
}

async function runAll(names: readonly string[], bench: Bench): Promise<Section[]> {
  const sections: Section[] = [];
  for (const name of names) {
    const experiment = experiments[name];
    if (experiment === undefined) continue;
    bench.say(`(${name})`);
    try {
      sections.push(await experiment(bench));
    } finally {
      await bench.cleanUp();
    }
  }
  return sections;
}

function writeInto(page: string, figures: string): void {
  const [begin, end] = ['<!-- figures: written by npm run bench -- --write -->', '<!-- end of figures -->'];
  const text = readFileSync(page, 'utf8');
  const [before, tail] = text.split(begin);
  const after = tail?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for its figures`);
  writeFileSync(page, `${before}${begin}\n\n${figures}\n${end}${after}`);
}

const { names, quick, seed, write, against, help } = readOptions();
if (help) {
  process.stdout.write(usage);
} else {
  const bench = new Bench(quick, seed);
  try {
    const sections = against === undefined ? await runAll(names, bench) : [await pairs(bench, resolve(against), names)];
    const report = reportOf(sections, quick, seed);
    const text = markdown(report);
    process.stdout.write(`\n${text}`);
    const results = join(import.meta.dirname, 'results');
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, 'latest.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    if (write && against === undefined) writeInto(join(import.meta.dirname, 'README.md'), text);
    const missed = report.sections.flatMap(({ id, rows }) => {
      const verdict = verdicts(rows);
      return rows.filter((_row, at) => verdict[at] === 'NOT met').map(({ what }) => `(${id}) ${what}`);
    });
    if (missed.length > 0) bench.say(`Not met: ${missed.join('; ')}`);
  } finally {
    await bench.dispose();
  }
}
