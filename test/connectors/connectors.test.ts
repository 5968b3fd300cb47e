import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connectorOf, connectors } from '../../src/connectors/registry.ts';
import { table } from '../../src/connectors/table.ts';
import { connectorContract } from './contract.ts';
import { Heard, httpEnd, openHttp, runtimeFor } from './far-end.ts';

const sfo = '{"iata":"SFO","city":"San Francisco"}';

connectorContract(
  'http',
  async () => {
    const { origin } = await httpEnd((request, response) => {
      if (request.url !== '/airports/SFO') response.statusCode = 404;
      response.end(sfo);
    });
    return openHttp({ url: `${origin}/airports/{iata}` });
  },
  sfo,
);

for (const [extension, content] of [
  ['csv', 'iata,city\nSFO,San Francisco\n'],
  ['json', `[${sfo}]`],
  ['ndjson', `${sfo}\n`],
] as const) {
  connectorContract(
    `table of ${extension}`,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, `airports.${extension}`), content);
      const heard = new Heard();
      const connector = table.create({ file: `airports.${extension}`, key: 'iata' }, runtimeFor(heard, folder));
      await connector.open();
      onTestFinished(() => connector.close());
      return { connector, heard };
    },
    sfo,
  );
}

test('the registry chooses the connector whose options are there', () => {
  const choice = connectorOf({ table: { file: 'a.csv', key: 'iata' } });
  expect(choice).toMatchObject({ name: 'table', parameters: ['iata'], problems: [] });
  const url = 'http://{host}/{iata}';
  expect(connectorOf({ http: connectors.http.schema.parse({ url }) })).toMatchObject({
    name: 'http',
    problems: [{ path: ['url'], message: expect.stringContaining('literal') }],
  });
  expect(() => connectorOf({})).toThrow(/http, table/);
});
