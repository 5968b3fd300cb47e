import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectorOf, connectors } from '../../src/connectors/registry.ts';
import { table } from '../../src/connectors/table/table.ts';
import { tableOptions } from '../../src/connectors/table/table-options.ts';
import { argumentsContract, connectorContract, manyContract, type ContractCase } from './contract.ts';
import { Heard, httpEnd, openHttp, runtimeFor } from './http/far-end.ts';
import { openModule } from './module/user-module.ts';

const sfo = '{"iata":"SFO","city":"San Francisco"}';

async function openHttpLookup(): Promise<ContractCase> {
  const { origin } = await httpEnd((request, response) => {
    if (request.url !== '/airports/SFO') response.statusCode = 404;
    response.end(sfo);
  });
  return openHttp({ url: `${origin}/airports/{iata}` });
}

connectorContract('http', openHttpLookup, sfo);
argumentsContract('http', openHttpLookup);

for (const [extension, content] of [
  ['csv', 'iata,city\nSFO,San Francisco\n'],
  ['json', `[${sfo}]`],
  ['ndjson', `${sfo}\n`],
] as const) {
  const openTable = async (): Promise<ContractCase> => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, `airports.${extension}`), content);
    const heard = new Heard();
    const connector = table.create(
      tableOptions.parse({ file: `airports.${extension}`, key: 'iata' }),
      runtimeFor(heard, folder),
    );
    await connector.open();
    onTestFinished(() => connector.close());
    return { connector, heard };
  };
  connectorContract(`table of ${extension}`, openTable, sfo);
  argumentsContract(`table of ${extension}`, openTable);
  manyContract(`table of ${extension}`, openTable, sfo);
}

const style = {
  'a plain function': 'export default ({ iata }) => answer(iata);',
  'an async function': 'export default async ({ iata }) => answer(iata);',
  'an async function named lookup': 'export async function lookup({ iata }) { return answer(iata); }',
  'an object with asyncInvoke':
    'export default { asyncInvoke: ({ iata }, result) => void setImmediate(() => result.complete(answer(iata))) };',
  'a class':
    'export default class { open() { this.answer = answer; } asyncInvoke({ iata }, result) { result.complete(() => this.answer(iata)); } }',
};

for (const [name, source] of Object.entries(style)) {
  const answer = `const answer = (iata) => (iata === 'SFO' ? [${sfo}] : []);`;
  connectorContract(`module with ${name}`, () => openModule(`${answer}\n${source}`), sfo);
}

test('the registry chooses the connector whose options are there', () => {
  const choice = connectorOf({ table: tableOptions.parse({ file: 'a.csv', key: 'iata' }) });
  expect(choice).toMatchObject({ name: 'table', parameters: ['iata'], findings: [] });
  expect(connectorOf({ module: connectors.module.schema.parse({ file: 'a.mjs' }) })).toMatchObject({
    parameters: undefined,
  });
  const url = 'http://{host}/{iata}';
  expect(connectorOf({ http: connectors.http.schema.parse({ url }) })).toMatchObject({
    name: 'http',
    findings: [{ path: ['http', 'url'], message: expect.stringContaining('literal') }],
  });
  expect(() => connectorOf({})).toThrow(/http, table, module/);
});
