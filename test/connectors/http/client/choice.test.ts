import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { RecordError } from '../../../../src/core/errors.ts';
import { codes, page, rows, section } from '../../../docs/pages.ts';
import { listen, openHttp } from '../far-end.ts';
import { lines, ok } from './answer-cases.ts';
import { certificate, type Protocol, rawServer } from './both-ends.ts';

const length = 'Content-Length: 2';
const answer = (...fields: readonly string[]): string => `${lines(ok, ...fields, '')}{}`;
/** What undici makes of a field that it refuses depends on whether the length comes before or after it. */
const inBothOrders = (...fields: readonly string[]): readonly string[] => [
  answer(...fields, length),
  answer(length, ...fields),
];

/**
 * The answers of the table "How to choose the client" in docs/lookups.md, in its order: one or more for each row. After
 * each the connection closes.
 */
const answers: readonly (readonly string[])[] = [
  [lines(ok, 'Transfer-Encoding: gzip, chunked', '', '2', '{}', '0', '')],
  [answer('Transfer-Encoding: identity'), answer('Transfer-Encoding: x')],
  [lines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked', '', '2', '{}', '0', '')],
  [`${lines('HTTP/2.0 200 OK', length, '')}{}`],
  [`${lines('')}${answer(length)}`],
  [`${lines('HTTP/1.1 100 Continue', '')}${answer(length)}`],
  [answer(`${length} `)],
  [answer(length, length), answer(`${length}, 2`)],
  inBothOrders('X-Note: one', ' two'),
  [answer(length, 'Content-Length: 3')],
  [lines(ok, length, 'Transfer-Encoding: chunked', '', '2', '{}', '0', '')],
  [lines(ok, 'Transfer-Encoding: chunked\t', '', '2', '{}', '0', '')],
  inBothOrders('X-Note: a\0b'),
  [...inBothOrders('X Note: a'), ...inBothOrders('note')],
  [lines('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: x', '')],
  [`${lines('HTTP/1.1 099 Odd', length, '')}{}`],
];

const documented = rows(section(page('lookups.md'), '### How to choose the client'));
const cases = answers.map((texts, at) => {
  const [what = '', ...outcomes] = documented[at] ?? [];
  return { what, texts, outcomes: outcomes.map((cell) => (cell === 'taken' ? [cell] : codes(cell))) };
});

const own = certificate();
const folder = mkdtempSync(join(tmpdir(), 'millrace-choice-'));
writeFileSync(join(folder, 'ca'), own.cert);
afterAll(() => rmSync(folder, { recursive: true }));

async function outcomeOf(protocol: Protocol, client: string, text: string): Promise<string> {
  const { origin } = await listen(rawServer(protocol, own, ({ socket }) => void socket.end(text, 'latin1')));
  const tls = protocol === 'https' ? { ca: join(folder, 'ca') } : {};
  const { ask } = await openHttp({ url: `${origin.replace('http:', `${protocol}:`)}/x`, client, tls });
  try {
    const { json } = await ask();
    return json === '{}' ? 'taken' : `taken: ${json}`;
  } catch (error) {
    return RecordError.from(error).code;
  }
}

test('the table has a row for each of these answers, and no other', () => {
  expect(documented).toHaveLength(answers.length);
});

describe.each<Protocol>(['http', 'https'])('over %s', (protocol) => {
  test.each(cases)('the clients make of $what what docs/lookups.md says', async ({ texts, outcomes }) => {
    const clients = ['lean', 'undici'];
    const seen = clients.map(async (client) => {
      const all = await Promise.all(texts.map((text) => outcomeOf(protocol, client, text)));
      return [...new Set(all)].toSorted();
    });
    expect(await Promise.all(seen)).toEqual(outcomes);
  });
});
