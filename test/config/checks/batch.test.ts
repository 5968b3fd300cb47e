import { describe, expect, test } from 'vitest';
import { complaints, load } from '../loading.ts';

/** A configuration whose lookup has these keys, as YAML of one line each. */
const withLookup = (connector: string, batch: string, parameters = '{ iata: /origin }'): string => `
lookups:
  airport:
    ${connector}
    batch: ${batch}
pipelines:
  flights:
    enrich:
      - { lookup: airport, with: ${parameters}, into: /originAirport }
`;

const origin = 'http://127.0.0.1:9000';
const http = `http: { url: '${origin}/airports/{iata}' }`;
const batchHttp = (keys: string): string => `{ maxSize: 50, http: { url: '${origin}/airports', ${keys} } }`;

describe('batch of a lookup', () => {
  test('has defaults that check prints', () => {
    const text = withLookup(http, batchHttp(`query: { codes: '{iata}' }, key: /iata`));
    expect(load(text).effective).toMatchObject({
      lookups: {
        airport: {
          batch: {
            maxSize: 50,
            linger: '1ms',
            maxInFlight: 16,
            http: { method: 'GET', query: { codes: '{iata}' }, body: null, format: 'json', items: '', key: '/iata' },
          },
        },
      },
    });
  });

  test.each([
    ['module', `module: { file: a.mjs }`, '{ maxSize: 50 }'],
    ['table', `table: { file: a.csv, key: iata }`, '{ maxSize: 2, linger: 0s, maxInFlight: 1 }'],
    ['POST', http, batchHttp(`method: POST, body: { codes: '{iata}' }, items: /airports, key: /iata`)],
    ['ndjson', http, batchHttp(`method: POST, format: ndjson`)],
  ])('is taken: %s', (_, connector, batch) => {
    expect(load(withLookup(connector, batch)).config.lookups['airport']).toHaveProperty('batch');
  });

  test.each([
    ['no maxSize', http, `{ http: { url: '${origin}/airports/{iata}' } }`, 'maxSize'],
    ['a maxSize of 0', `table: { file: a.csv, key: iata }`, '{ maxSize: 0 }', 'a whole number from 1 to 10000'],
    ['a long linger', `table: { file: a.csv, key: iata }`, '{ maxSize: 9, linger: 2h }', 'from 0s to 1h'],
    [
      'http without batch.http',
      http,
      '{ maxSize: 50 }',
      'http is missing: it says how many keys are requested at once',
    ],
    [
      'batch.http of a table',
      `table: { file: a.csv, key: iata }`,
      batchHttp(`query: { codes: '{iata}' }`),
      'belongs to a lookup with the connector http; this one has table',
    ],
    ['no argument', http, batchHttp('key: /iata'), 'no argument is sent: expected {name} in url, query or body'],
    [
      'another host',
      http,
      `{ maxSize: 5, http: { url: 'http://127.0.0.2:9000/{iata}' } }`,
      `expected the scheme, host and port of http.url, ${origin}`,
    ],
    [
      'a header with an argument',
      `http: { url: '${origin}/{iata}', headers: { X: '{iata}' } }`,
      batchHttp(`query: { codes: '{iata}' }`),
      'the headers of http have an argument, but the requests of a batch share one head',
    ],
    [
      'an argument within a text',
      http,
      batchHttp(`method: POST, body: { q: 'code = {iata}' }`),
      'has an argument within the text "code = {iata}"',
    ],
    [
      'an argument in a name',
      http,
      batchHttp(`method: POST, body: { 'x{iata}': 1, all: '{*}' }`),
      'has an argument within the text "x{iata}"',
    ],
    [
      'a text body',
      http,
      batchHttp(`method: POST, body: 'codes={iata}'`),
      'expected a JSON structure, or exactly "{name}"',
    ],
    [
      'ndjson with a body',
      http,
      batchHttp(`format: ndjson, body: '{*}'`),
      'with format ndjson the body is the arguments',
    ],
    ['ndjson with items', http, batchHttp(`format: ndjson, items: /a`), 'with format ndjson each line is an answer'],
    ['a key that is no pointer', http, batchHttp(`query: { codes: '{iata}' }, key: iata`), 'JSON Pointer'],
    ['a brace in the host', http, `{ maxSize: 5, http: { url: 'http://{iata}/' } }`, 'have to be literal'],
  ])('is refused: %s', (_, connector, batch, message) => {
    const found = complaints(withLookup(connector, batch));
    expect(found.join('\n')).toContain(message);
  });

  test('with a key needs a lookup with one argument', () => {
    const two = `http: { url: '${origin}/{iata}/{day}' }`;
    const keys = batchHttp(`method: POST, body: '{*}', key: /iata`);
    const [finding] = complaints(withLookup(two, keys, '{ iata: /origin, day: /day }'));
    expect(finding).toContain(
      'expected a lookup with one argument, which key names in an answer; this one has 2: iata, day',
    );
  });

  test('has the arguments of the single request and of the batch', () => {
    const keys = batchHttp(`method: POST, body: '{*}', query: { lang: '{lang}' }`);
    expect(load(withLookup(http, keys, '{ iata: /origin, lang: /lang }')).config).toBeDefined();
    expect(complaints(withLookup(http, keys)).join('\n')).toContain('needs the argument "lang"');
  });
});
