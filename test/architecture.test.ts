import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The floors, lowest first. A file imports its own room or a lower floor, and no other file of `src`. */
const floors = [
  ['core'],
  ['wire', 'cel', 'operator', 'lookup', 'observability'],
  ['connectors'],
  ['config'],
  ['pipeline', 'library'],
  ['http'],
  ['service'],
  ['demo'],
  ['cli', 'index.ts'],
];

/** The rooms that describe options: each option beside the code that it configures, shared types of options in core. */
const optionRooms = /^(operator|lookup|observability|connectors|config|pipeline|http)\/|^core\/options\//;
/** Which files may import which outside module. A module that is not listed may not be imported at all. */
const outside: readonly (readonly [name: RegExp, importers: RegExp])[] = [
  [/^(fastify|fastify-plugin|@fastify\/.+)$/, /^http\//],
  [/^undici$/, /^connectors\/http\//],
  [/^(prom-client|pino)$/, /^observability\//],
  [/^@opentelemetry\/(api|sdk-trace-base|exporter-trace-otlp-http|resources)$/, /^observability\/tracing\//],
  [/^commander$/, /^cli\//],
  [/^yaml$/, /^config\/|^http\/openapi\//],
  [/^zod$/, optionRooms],
  [/^(@marcbachmann\/cel-js|re2js)$/, /^cel\//],
  [/^node:timers(\/promises)?$/, /^$/],
  [/^node:(http2?|https|net|tls|dgram|dns)$/, /^(connectors|http|demo|cli)\//],
  [/^node:(?!timers|https?$|http2$|net$|tls$|dgram$|dns$)/, /./],
];

/** Expressions that only some files may contain. */
const words: readonly (readonly [use: RegExp, files: RegExp, rule: string])[] = [
  [
    /\bDate\.now\b|\bnew Date\(\)|(?<!\bnew )(?<![.#\w])Date\(|\bperformance\.|\bhrtime\b|(?<![.#\w])(?:setTimeout|setInterval)\b|\bAbortSignal\.timeout\b|\bMath\.random\b/,
    /^core\/time\/time\.ts$/,
    'only core/time/time knows the time, timers and chance',
  ],
  [
    /(?<![.#\w])(?:setImmediate|queueMicrotask|MessageChannel)\b|\bprocess\.nextTick\b/,
    /^core\/time\/later-turn\.ts$/,
    'only core/time/later-turn schedules turns of the event loop and microtasks',
  ],
  [/\bglobalThis\.(?:set|queue)\w+/, /^$/, 'core/time takes the timers of the runtime by their own names'],
  [
    /\bprocess\.env\b|\bprocess\s*\[|\benv\b[^=;{}]*\}\s*=\s*process\b/,
    /^(config\/environment|cli\/serve\/bounded-heap)\.ts$/,
    'only config/environment reads the environment, and cli/serve/bounded-heap hands it on',
  ],
  [
    /\bJSON\.parse\b/,
    /^core\/json\/json(-reader)?\.ts$/,
    'only core/json calls JSON.parse, which misreads names with escapes: use parseJson',
  ],
  [/\bprocess\.(exit|exitCode|abort|kill)\b/, /^cli\//, 'only cli ends the process'],
  [/\bprocess\.(stdout|stderr|stdin)\b|\bconsole\./, /^cli\//, 'only cli reads and writes the terminal'],
];

const maxLines = 300;
/** A folder of more files is divided by subject. */
const maxFiles = 12;
const comment = /\/\*[\s\S]*?\*\/|(?<=^|[\s;{}(),])\/\/[^\n]*/g;
const specifier =
  /(?:^|[\s;{}])(?:import|export)\s(?:[\w\s{},*$]|'[^'\n]*' as)*?\bfrom\s*['"]([^'"\n]+)['"]|(?:^|\n)\s*import\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"`]([^'"`\n]+)['"`]/g;

const roomOf = (file: string): string => file.split('/', 1)[0] ?? file;
const floorOf = (file: string): number => floors.findIndex((rooms) => rooms.includes(roomOf(file)));

/** Every breach of the rules in `sources`, whose paths are relative to `src`. */
function breaches(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [file, source] of sources) {
    const code = source.replaceAll(comment, '');
    if (floorOf(file) < 0) found.push(`${file} is in no room of the house`);
    if (source.split('\n').length - 1 > maxLines) found.push(`${file} is longer than ${maxLines} lines`);
    for (const [use, files, rule] of words) if (use.test(code) && !files.test(file)) found.push(`${file}: ${rule}`);
    const inside: string[] = [];
    for (const match of code.matchAll(specifier)) {
      const name = match[1] ?? match[2] ?? match[3] ?? '';
      if (!name.startsWith('.')) {
        if (!outside.some(([names, importers]) => names.test(name) && importers.test(file)))
          found.push(`${file} may not import ${name}`);
        continue;
      }
      const target = posix.join(posix.dirname(file), name);
      inside.push(target);
      if (!sources.has(target)) found.push(`${file} imports ${target}, which is not in src`);
      else if (roomOf(target) !== roomOf(file) && floorOf(target) >= floorOf(file))
        found.push(`${file} (floor ${floorOf(file)}) imports ${target} (floor ${floorOf(target)})`);
    }
    edges.set(file, inside);
  }
  return [...found, ...fullFolders(sources.keys()), ...cycles(edges)];
}

/** One line for every folder with too many files. */
function fullFolders(files: Iterable<string>): string[] {
  const folders = Map.groupBy(files, (file) => posix.dirname(file));
  return Array.from(folders).flatMap(([folder, inside]) =>
    inside.length > maxFiles
      ? [`${folder} has ${inside.length} files; a folder of more than ${maxFiles} is divided`]
      : [],
  );
}

/** One line for every import that closes a circle. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
    if (path.includes(file) || done.has(file)) return;
    for (const target of edges.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) walk(file, []);
  return found;
}

const house = new Map(
  globSync('**/*.ts', { cwd: 'src' }).map((file) => [file.replaceAll('\\', '/'), readFileSync(`src/${file}`, 'utf8')]),
);

test('the house keeps its rules', () => {
  expect(house.size).toBeGreaterThan(5);
  expect(breaches(house)).toEqual([]);
});

describe('a planted breach is found', () => {
  const planted: readonly (readonly [what: string, file: string, source: string, breach: RegExp])[] = [
    ['an upward import', 'lookup/x.ts', `import { z } from '../cli/y.ts';`, /floor 1.* imports cli\/y\.ts \(floor 8\)/],
    ['an import of index.ts', 'http/x.ts', `import { z } from '../index.ts';`, /imports index\.ts/],
    ['a neighbour', 'wire/x.ts', `import {\n  a,\n  type B,\n} from '../lookup/y.ts';`, /imports lookup\/y\.ts/],
    ['a type of a neighbour', 'wire/x.ts', `import type { Y } from '../lookup/y.ts';`, /imports lookup\/y\.ts/],
    ['a re-export from above', 'core/x.ts', `export * from '../wire/y.ts';`, /imports wire\/y\.ts/],
    ['an import on demand', 'core/x.ts', `const y = await import('../wire/y.ts');`, /imports wire\/y\.ts/],
    ['an import with back quotes', 'core/x.ts', 'const y = await import(`../wire/y.ts`);', /imports wire\/y\.ts/],
    ['a type import in place', 'core/x.ts', `let y: import('../wire/y.ts').Y;`, /imports wire\/y\.ts/],
    ['an import for its effect', 'core/x.ts', `import '../wire/y.ts';`, /imports wire\/y\.ts/],
    ['a circle', 'wire/x.ts', `import { y } from './y.ts';`, /cycle: wire\/x\.ts -> wire\/y\.ts -> wire\/x\.ts/],
    ['a room that is not in the plan', 'utils/x.ts', '', /utils\/x\.ts is in no room/],
    ['a package in the wrong room', 'cli/x.ts', `import fastify from 'fastify';`, /may not import fastify/],
    ['undici beside the http connector', 'connectors/x.ts', `import { Pool } from 'undici';`, /may not import undici/],
    ['spans outside of tracing', 'observability/x.ts', `import { trace } from '@opentelemetry/api';`, /may not import/],
    ['a package that is not listed', 'http/x.ts', `import x from 'left-pad';`, /may not import left-pad/],
    ['a network of its own', 'operator/x.ts', `import { request } from 'node:http';`, /may not import node:http/],
    ['a clock of its own', 'operator/x.ts', 'const now = Date.now();', /only core\/time/],
    ['a timer of its own', 'lookup/x.ts', 'setTimeout(f, 1);', /only core\/time/],
    ['a timer by import', 'lookup/x.ts', `import { setTimeout } from 'node:timers/promises';`, /may not import/],
    ['an interval of its own', 'lookup/x.ts', 'setInterval(f, 1);', /only core\/time/],
    ['a timer by another name', 'lookup/x.ts', 'globalThis.setTimeout(f, 1);', /core\/time takes/],
    ['an immediate of its own', 'http/x.ts', 'setImmediate(f);', /only core\/time\/later-turn/],
    ['an immediate that is passed on', 'cli/x.ts', 'new MemoryBudget(0, setImmediate);', /only core\/time\/later-turn/],
    ['an immediate by import', 'http/x.ts', `import { setImmediate } from 'node:timers';`, /may not import/],
    ['a microtask of its own', 'library/x.ts', 'queueMicrotask(f);', /only core\/time\/later-turn/],
    ['a tick of its own', 'pipeline/x.ts', 'process.nextTick(f);', /only core\/time\/later-turn/],
    ['a date as text', 'lookup/x.ts', 'const now = Date();', /only core\/time/],
    ['a timer in a signal', 'lookup/x.ts', 'const signal = AbortSignal.timeout(5);', /only core\/time/],
    ['chance', 'lookup/x.ts', 'const jitter = Math.random();', /only core\/time/],
    ['the environment', 'cli/x.ts', 'const port = process.env.PORT;', /only config\/environment/],
    ['the environment by a key', 'cli/x.ts', "const { PORT } = process['env'];", /only config\/environment/],
    ['the environment by its own name', 'cli/x.ts', 'const { env } = process;', /only config\/environment/],
    ['a parser that misreads names', 'wire/x.ts', 'const value = JSON.parse(line);', /only core\/json calls/],
    ['an end of the process', 'http/x.ts', 'process.exit(1);', /only cli ends/],
    ['a line on the terminal', 'pipeline/x.ts', `console.log('x');`, /only cli reads and writes/],
    ['a file that grew', 'core/x.ts', '\n'.repeat(301), /longer than 300 lines/],
  ];

  test.each(planted)('%s', (_what, file, source, breach) => {
    const others = ['cli', 'lookup', 'wire'].map((room) => [`${room}/y.ts`, `import './x.ts';`] as const);
    const sources = new Map([['index.ts', ''], ['cli/x.ts', ''], ['lookup/x.ts', ''], ['wire/x.ts', ''], ...others]);
    expect(breaches(sources)).toEqual([]);
    sources.set(file, source);
    expect(breaches(sources).join('\n')).toMatch(breach);
  });

  test('a folder that grew', () => {
    const sources = new Map(Array.from({ length: 12 }, (_, index) => [`wire/lines/${index}.ts`, '']));
    sources.set('wire/x.ts', '');
    expect(breaches(sources)).toEqual([]);
    sources.set('wire/lines/x.ts', '');
    expect(breaches(sources)).toEqual([expect.stringMatching(/^wire\/lines has 13 files/)]);
  });

  test('but not in a comment, nor in a method of the same name', () => {
    const source = `// Date.now() is not used\n/* import x from '../cli/y.ts' */\nsocket.setTimeout(0); // process.exit\n`;
    expect(breaches(new Map([['core/x.ts', source]]))).toEqual([]);
  });
});
