import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { fingerprintOf } from '../../src/core/file-watch.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';
import { complaints, folder, linesOf, load, findingsOf, small } from './loading.ts';

const contractExample = `
server:
  host: 127.0.0.1
  port: 8080
  admin: { host: 127.0.0.1, port: 8081 }
lookups:
  airport:
    http:
      url: http://127.0.0.1:9000/airports/{iata}
    timeout: 500ms
pipelines:
  flights:
    mode: ordered
    capacity: 100
    timeout: 5s
    enrich:
      - { lookup: airport, with: { iata: /origin },      into: /originAirport }
      - { lookup: airport, with: { iata: /destination }, into: /destinationAirport }
    onError: annotate
    onMiss: "null"
`;

describe('a valid file gives', () => {
  test('the example configuration, in milliseconds and bytes', () => {
    const { config } = load(contractExample);
    expect(config.lookups['airport']?.timeout).toBe(500);
    expect(config.server.limits).toEqual({
      streams: 1000,
      lineBytes: 1024 * 1024,
      idleTimeout: 60_000,
      spoolBytes: 1024 ** 3,
      spoolTotalBytes: 8 * 1024 ** 3,
      stallTimeout: 60_000,
      decompressionRatio: 100,
      headersTimeout: 10_000,
    });
    expect(config.pipelines['flights']).toEqual({
      mode: 'ordered',
      capacity: 100,
      timeout: 5000,
      enrich: [
        { lookup: 'airport', with: { iata: '/origin' }, into: '/originAirport' },
        { lookup: 'airport', with: { iata: '/destination' }, into: '/destinationAirport' },
      ],
      onError: 'annotate',
      onMiss: 'null',
      onMissingArgument: 'error',
      weight: 1,
      duplex: 'auto',
      onInvalid: 'annotate',
      explode: false,
      meta: [],
      allow: { parameters: ['mode', 'capacity', 'timeout'], capacity: 100, timeout: 5000 },
    });
  });

  test('every default of the server, if the file has no server', () => {
    expect(load(small).config.server).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      admin: { host: '127.0.0.1', port: 8081 },
      drainTimeout: 30_000,
      log: { level: 'info' },
    });
  });

  test('the values of the pipeline as maximum for clients, unless allow sets others', () => {
    const { config } = load(
      `${small}    capacity: 7\n    timeout: 3s\n    allow: { timeout: 1m, parameters: [capacity] }\n`,
    );
    expect(config.pipelines['flights']?.allow).toEqual({ parameters: ['capacity'], capacity: 7, timeout: 60_000 });
  });

  test('a constant as argument, and any JSON as fallback', () => {
    const { config } = load(
      small.replace('/origin }', '{ value: JFK } }').concat('    onError: { value: { city: null, near: [1, two] } }\n'),
    );
    expect(config.pipelines['flights']?.enrich[0]?.with).toEqual({ iata: { value: 'JFK' } });
    expect(config.pipelines['flights']?.onError).toEqual({ value: { city: null, near: [1, 'two'] } });
  });

  test('JSON is read as well as YAML', () => {
    const json = JSON.stringify({
      lookups: { t: { table: { file: 'x.csv', key: 'id' } } },
      pipelines: pipelineOf('t'),
    });
    expect(load(json, { name: 'millrace.json' }).config.lookups).toEqual({
      t: { table: { file: 'x.csv', key: 'id', delimiter: ',' }, coalesce: true },
    });
  });

  test.each([
    ['x.csv', '', ','],
    ['X.CSV', '', ','],
    ['x.tsv', '', '\t'],
    ['x.csv', ', delimiter: ";"', ';'],
    ['x.tsv', ', delimiter: "\\t"', '\t'],
    ['x.json', '', undefined],
  ])('a table of %s%s has the delimiter %j, which is shown as well', (file, more, delimiter) => {
    const { config, effective } = load(
      `lookups: { t: { table: { file: ${file}, key: id${more} }, timeout: 1s } }\npipelines: ${JSON.stringify(pipelineOf('t'))}`,
    );
    expect(config.lookups['t']?.table?.delimiter).toBe(delimiter);
    const table = { file, key: 'id', ...(delimiter !== undefined && { delimiter }) };
    expect(effective['lookups']).toEqual({ t: { table, timeout: '1s', coalesce: true } });
  });

  test('the value of an anchor in each place that uses it', () => {
    const { config } = load(`
lookups: { t: { table: { file: x.csv, key: id } } }
pipelines:
  a: { enrich: &steps [{ lookup: t, with: { id: /id }, into: /x }] }
  b: { enrich: *steps }
`);
    expect(config.pipelines['b']).toEqual(config.pipelines['a']);
  });
});

function pipelineOf(lookup: string) {
  return { p: { enrich: [{ lookup, with: { id: '/id' }, into: '/x' }] } };
}

describe('a mistake in a file', () => {
  test('is reported together with all others, one line each, in the order of the file', () => {
    const text = readFileSync(new URL('fixtures/mistakes.yaml', import.meta.url), 'utf8');
    expect(complaints(text)).toEqual([
      'millrace.yaml:2:3 server.prot: unknown key; did you mean "port"?',
      'millrace.yaml:4:18 server.limits.idleTimeout: expected a duration such as 250ms, 5s, 2m or 1h, got 5',
      'millrace.yaml:10:5 lookups.airport.tmeout: unknown key; did you mean "timeout"?',
      'millrace.yaml:12:5 lookups.both: expected exactly one connector, http, table or module; got 2: http, table',
      'millrace.yaml:16:11 pipelines.flights.mode: expected ordered, unordered or keyed, got "sorted"',
      'millrace.yaml:17:5 pipelines.flights.capcity: unknown key; did you mean "capacity"?',
      'millrace.yaml:19:19 pipelines.flights.enrich[0].lookup: unknown lookup "airprot"; did you mean "airport"? (lookups: airport, both)',
      'millrace.yaml:20:28 pipelines.flights.enrich[1].with.iata: missing; lookup "airport" needs the argument "iata", such as iata: /iata',
      'millrace.yaml:21:56 pipelines.flights.enrich[2].with.icao: lookup "airport" takes no argument "icao"; it takes iata',
      'millrace.yaml:22:36 pipelines.flights.enrich[3].with.itaa: lookup "airport" takes no argument "itaa"; did you mean "iata"?',
      'millrace.yaml:23:42 pipelines.flights.enrich[4].with.iata: a JSON Pointer is empty or starts with "/", but "destination" does not: write "/destination"',
      'millrace.yaml:24:9 pipelines.flights.enrich[5].into: missing; expected a JSON Pointer such as /originAirport',
      'millrace.yaml:25:9 pipelines.flights.enrich[6]: the steps wait for each other in a circle: /g -> /h -> /g',
      'millrace.yaml:27:13 pipelines.flights.onMiss: expected null, omit, drop or error (null itself needs quotes: "null"), got null',
      'millrace.yaml:28:16 pipelines.flights.onError.valu: unknown key; did you mean "value"?',
      'millrace.yaml:29:3 pipelines.9lives: expected a name of letters, digits, _ and -, which starts with a letter, got "9lives"',
    ]);
  });

  test('is also returned as data: file, line, column, path and message', () => {
    const problems = findingsOf(() =>
      load(`${small}    capcity: 5
`),
    );
    expect(problems).toMatchObject([{ line: 8, column: 5, path: 'pipelines.flights.capcity', nearest: 'capacity' }]);
  });

  const cases: readonly (readonly [what: string, text: string, lines: readonly string[]])[] = [
    ['an empty file', '', ['millrace.yaml:1:1 pipelines: missing; expected a map from name to pipeline']],
    ['a list', '- a', ['millrace.yaml:1:1: expected a map, got a list']],
    ['no pipeline', 'pipelines: {}', ['millrace.yaml:1:12 pipelines: expected at least one pipeline']],
    [
      'no step',
      'pipelines: { p: { enrich: [] } }',
      ['millrace.yaml:1:27 pipelines.p.enrich: expected at least one step'],
    ],
    [
      'no connector',
      small.replace(/airport: \{ .*/, 'airport: { timeout: 1s }'),
      ['millrace.yaml:3:12 lookups.airport: expected exactly one connector, http, table or module; got none'],
    ],
    [
      'a key that occurs twice',
      `${small}    mode: ordered\n    mode: unordered\n`,
      ['millrace.yaml:9:5 pipelines.flights.mode: duplicate key; it is first in line 8'],
    ],
    [
      'an alias without its anchor',
      `${small}    meta: *nothing\n`,
      ['millrace.yaml:8:11 pipelines.flights.meta: unknown anchor &nothing; define it above this line'],
    ],
    [
      'an anchor inside itself',
      `${small}    onError: { value: &a [*a] }\n`,
      ['millrace.yaml:8:27 pipelines.flights.onError.value[0]: the anchor &a contains itself'],
    ],
    [
      'an expression that does not compile',
      small.replace('into:', 'when: "record.flag ==", into:'),
      [expect.stringMatching(/^millrace\.yaml:7:74 pipelines\.flights\.enrich\[0\]\.when: expected a CEL expression/)],
    ],
    [
      'an address that a record could choose',
      small.replace('127.0.0.1:9000', '{iata}'),
      [expect.stringMatching(/^millrace\.yaml:3:27 lookups\.airport\.http\.url: /)],
    ],
    [
      'a capacity beyond its bounds',
      `${small}    capacity: 0\n`,
      ['millrace.yaml:8:15 pipelines.flights.capacity: expected a whole number from 1 to 1000000, got 0'],
    ],
    [
      'a time beyond its bounds, with its spelling',
      'server: { limits: { idleTimeout: 0s } }\n'.concat(small),
      ['millrace.yaml:1:34 server.limits.idleTimeout: expected a duration from 1ms to 24h, got "0s"'],
    ],
    [
      'a name that JavaScript reserves',
      `${small}    onError: { value: { __proto__: 1 } }\n`,
      ['millrace.yaml:8:25 pipelines.flights.onError.value.__proto__: this name cannot be used'],
    ],
  ];
  test.each(cases)('%s', (_what, text, lines) => {
    expect(complaints(text)).toEqual(lines);
  });

  test('broken YAML is reported with its position, and no other mistake is derived from it', () => {
    const lines = complaints('server: {\n  port: 1\nlookups: }\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/^millrace\.yaml:\d+:\d+: not YAML: /);
  });

  test('anchors that multiply each other are refused', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(8)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(complaints(levels.join('\n')).join('\n')).toMatch(/more than 100000 values/);
  });

  test('mistakes in a JSON file have places as well', () => {
    const json = '{\n\t"lookups": {},\n\t"pipelines": {\n\t\t"p": { "enrich": [], "capcity": 1 }\n\t}\n}';
    expect(complaints(json, { name: 'millrace.json' })).toEqual([
      'millrace.json:4:20 pipelines.p.enrich: expected at least one step',
      'millrace.json:4:24 pipelines.p.capcity: unknown key; did you mean "capacity"?',
    ]);
  });

  test('repeat with an invalid expression, together with another mistake', () => {
    const text = small.replace('into:', 'repeat: { until: "answer.", max: 0 }, into:');
    expect(complaints(text)).toEqual([
      expect.stringContaining('repeat.until: expected a CEL expression on record and answer: '),
      expect.stringContaining('repeat.max: expected a whole number from 1 to 10000, got 0'),
    ]);
  });

  test('mode keyed without a key, together with another mistake', () => {
    const text = small.replace('enrich:', 'mode: keyed\n    capactiy: 5\n    enrich:');
    expect(complaints(text)).toEqual([
      expect.stringContaining('key: missing; mode keyed needs the place of the key, such as key: /origin'),
      expect.stringContaining('unknown key; did you mean "capacity"?'),
    ]);
  });

  test('one mistake in a step does not hide another in the same step', () => {
    const text = small.replace('lookup: airport', 'lookup: airprot').replace('into:', 'when: "1 +", whn: x, into:');
    expect(complaints(text)).toHaveLength(3);
  });
});

describe('a mistake in an expression', () => {
  test.each([
    ['plain', 'when: record.flag && recrod.iata', 'recrod', 16],
    ['in single quotes', `when: 'record.flag && recrod.iata'`, 'recrod', 16],
    ['in double quotes', 'when: "record.flag && recrod.iata"', 'recrod', 16],
    ['in an until', 'repeat: { until: answer.a == 1 && anser.b, max: 2 }', 'anser', 18],
    ['in a pattern', `when: 'record.iata.matches("(a")'`, '"(a"', 21],
    ['at the end', 'when: record.flag ==', ', into', 15],
    ['after characters of two code units', `when: '"😀" == recrod.a'`, 'recrod', 9],
    // The spelling of the text differs from its value, so the place is that of the whole text.
    ['after escapes', String.raw`when: "record.a == \"x\" && recrod"`, '"record.a', 20],
    ['after a doubled quote', `when: 'record.a == ''x'' && recrod'`, `'record.a`, 20],
  ])('%s is reported at its character', (_, keys, found, column) => {
    const text = small.replace('into:', `${keys}, into:`);
    const line = text.split('\n')[6] ?? '';
    expect(complaints(text)).toEqual([
      expect.stringMatching(
        new RegExp(`^millrace\\.yaml:7:${line.indexOf(found) + 1} .*\\(line 1, column ${column} of the expression\\)$`),
      ),
    ]);
  });

  test('in a text of several lines is reported at its start, with line and column in the message', () => {
    const text = small.replace(
      /- \{ .*/,
      '- lookup: airport\n        with: { iata: /origin }\n        into: /a\n        when: |\n          record.flag &&\n            recrod.iata\n',
    );
    expect(complaints(text)).toEqual([
      expect.stringMatching(/^millrace\.yaml:10:15 .*\(line 2, column 3 of the expression\)$/),
    ]);
  });

  test('in JSON is reported at its character', () => {
    const step = { lookup: 'airport', with: { iata: '/origin' }, into: '/a', when: 'record.flag && recrod.iata' };
    const text = JSON.stringify({
      lookups: { airport: { http: { url: 'http://127.0.0.1:9000/{iata}' } } },
      pipelines: { flights: { enrich: [step] } },
    });
    const at = text.indexOf('recrod') + 1;
    expect(complaints(text, { name: 'millrace.json' })).toEqual([
      expect.stringContaining(`millrace.json:1:${at} pipelines.flights.enrich[0].when: `),
    ]);
  });

  test('is also a circle of steps that wait for each other', () => {
    const [step = ''] = /- \{ .*/.exec(small) ?? [];
    const into = (place: string, when: string): string => step.replace(/into: \S+/, `into: ${place}, when: ${when}`);
    const text = small.replace(step, `${into('/a', 'record.b == 1')}\n      ${into('/b', 'has(record.a.x)')}`);
    expect(complaints(text)).toEqual([
      expect.stringContaining('the steps wait for each other in a circle: /a -> /b -> /a'),
    ]);
  });

  test('is also a place that two steps write: the message counts steps as the path does', () => {
    const [step = ''] = /- \{ .*/.exec(small) ?? [];
    expect(complaints(small.replace(step, `${step}\n      ${step}`))).toEqual([
      expect.stringMatching(
        /enrich\[1\]\.into: enrich\[0\] writes \/originAirport as well; give each step a place of its own$/,
      ),
    ]);
  });
});

describe('the configuration is found as', () => {
  const home = process.cwd();
  afterEach(() => process.chdir(home));

  test.each(['millrace.yaml', 'millrace.yml'])('%s of the working directory', (name) => {
    const path = folder({ [name]: small });
    process.chdir(path);
    const loaded = loadConfig({ file: undefined, env: {}, flags: {}, checks: [checkPipelines] });
    expect(loaded.source).toBe(name);
    expect(loaded.baseDir).toBe(process.cwd());
  });

  test('without a file the message has the names that were tried', () => {
    process.chdir(folder());
    const [line] = linesOf(() => loadConfig({ file: undefined, env: {}, flags: {}, checks: [] }));
    expect(line).toContain('this folder has no millrace.yaml, millrace.yml or millrace.json');
  });

  test('a file that cannot be read is reported with the reason', () => {
    const file = join(folder(), 'millrace-not-there.yaml');
    const [line] = linesOf(() => loadConfig({ file, env: {}, flags: {}, checks: [] }));
    expect(line).toMatch(/^millrace-not-there\.yaml: the configuration cannot be read: ENOENT/);
  });
});

describe('the files of a configuration', () => {
  test('are itself and the files that it refers to, each with its state before it was read', () => {
    const path = folder({ 'millrace.yaml': `${small}server: { host: "\${file:host}" }\n`, host: '127.0.0.1\n' });
    const before = new Map(
      ['millrace.yaml', 'host'].map((name) => [join(path, name), fingerprintOf(join(path, name))]),
    );
    const options = { file: join(path, 'millrace.yaml'), env: {}, flags: {}, checks: [] };
    expect(new Map(loadConfig(options).files)).toEqual(before);
  });

  test('are part of an error as well, and so is a missing file', () => {
    const path = folder({ 'millrace.yaml': `${small}server: { host: "\${file:host}" }\n` });
    const options = { file: join(path, 'millrace.yaml'), env: {}, flags: {}, checks: [] };
    let files: ReadonlyMap<string, string> = new Map();
    try {
      loadConfig(options);
    } catch (error) {
      if (error instanceof ConfigError) files = error.files;
    }
    expect([...files].map(([name, version]) => [name, version === 'ENOENT'])).toEqual([
      [join(path, 'millrace.yaml'), false],
      [join(path, 'host'), true],
    ]);
  });
});
