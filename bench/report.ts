import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { verdicts, type Quantity, type Row, type Section } from './figures.ts';

export interface Report {
  readonly date: string;
  readonly quick: boolean;
  /** Of the order of the contenders in each round. */
  readonly seed: number;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly sections: readonly Section[];
}

const modules = join(import.meta.dirname, '..', 'node_modules');

function versionOf(name: string): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8'));
  return manifest.version;
}

export function reportOf(sections: readonly Section[], quick: boolean, seed: number): Report {
  const compared = ['fastify', 'p-map', 'rxjs', 'undici'];
  return {
    date: new Date().toISOString().slice(0, 10),
    quick,
    seed,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()} ${arch()}`,
    },
    versions: {
      millrace: commit(),
      node: process.versions.node,
      ...Object.fromEntries(compared.map((name) => [name, versionOf(name)])),
    },
    sections,
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'not a clone';
  }
}

/** Three significant digits, with separators of thousands. */
function digits(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

const medianOf = ({ value, unit }: Quantity): string => `${digits(value.median)} ${unit}`.trim();
const spread = ({ value }: Quantity): string => `${digits(value.min)} – ${digits(value.max)}`;

function targetOf({ target }: Row): string {
  if (target?.atMost !== undefined) return `≤ ${target.atMost}`;
  return target?.atLeast === undefined ? '' : `≥ ${target.atLeast}`;
}

/** The tables, for the terminal and for the page. */
export function markdown(report: Report): string {
  const { cpu, cores, memoryGiB, system } = report.machine;
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const head = [
    `${report.date}${report.quick ? ', a quick run: figures are rough' : ''}. ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}.`,
    `${versions.join(', ')}.`,
    `A figure is the median of all rounds, its spread is from the lowest to the highest; a ratio is calculated within each round. The order within a round is random (seed ${report.seed}).`,
    'Control: the same measurement of the first thing and itself, in a second process.',
  ].join('\n');
  return `${[head, ...report.sections.map(sectionTable)].join('\n\n')}\n`;
}

function sectionTable({ id, title, rows, notes }: Section): string {
  const verdict = verdicts(rows);
  const cells = [
    ['what', 'figure', 'spread', 'control', 'target', ''],
    ...rows.map((row, at) => [
      row.what,
      medianOf(row),
      spread(row),
      row.control === undefined ? '' : `${medianOf(row.control)} (${spread(row.control)})`,
      targetOf(row),
      verdict[at] ?? '',
    ]),
  ];
  const widths = cells.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 3, cell.length)), []);
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [header = [], ...body] = cells;
  const table = [line(header), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)];
  return [`### (${id}) ${title}`, '', ...table, '', ...notes.map((note) => `- ${note}`)].join('\n');
}
