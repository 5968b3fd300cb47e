import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';
import { WireClient } from '../http/wire-client.ts';
import { folderOf } from './serving.ts';
import { started } from './started.ts';

const rotations = 100;
const streams = 50;

const configuration = `
server:
  watch: false
  auth: { bearerTokens: ["\${file:client}"] }
  admin: { auth: { bearerTokens: ["\${file:admin}"] } }
lookups: { t: { table: { file: rows.csv, key: id } } }
pipelines: { test: { enrich: [ { lookup: t, with: { id: /id }, into: /a } ] } }
`;

const tokenOf = (who: string, rotation: number): string => `${who}-token-of-rotation-${rotation}`;
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test(`${rotations} rotations of the tokens of both listeners harm none of ${streams} running streams`, async () => {
  const folder = folderOf({ 'rows.csv': 'id,v\n1,x\n', 'millrace.yaml': configuration });
  const writeTokens = (rotation: number): void => {
    for (const who of ['client', 'admin']) writeFileSync(join(folder, who), `${tokenOf(who, rotation)}\n`);
  };
  writeTokens(0);
  const file = join(folder, 'millrace.yaml');
  const flags = { 'server.port': '0', 'server.admin.port': '0' };
  const load = () => loadConfig({ file, env: {}, flags, checks: [checkPipelines] });
  const { url, adminUrl } = await started(load(), { load });

  const open = async (token: string): Promise<WireClient> => {
    const client = await WireClient.open(Number(new URL(url).port));
    client.head('/v1/enrich/test', 'Transfer-Encoding: chunked', `Authorization: Bearer ${token}`);
    return client;
  };
  const clients = await Promise.all(Array.from({ length: streams }, () => open(tokenOf('client', 0))));
  const sendAll = async (round: number): Promise<void> => {
    for (const client of clients) client.chunk(`{"id":"1","round":${round}}\n`);
    await Promise.all(clients.map((client) => client.until(`{"id":"1","round":${round},"a":{"id":"1","v":"x"}}\n`)));
  };
  await sendAll(0);
  for (let rotation = 1; rotation <= rotations; rotation += 1) {
    writeTokens(rotation);
    const before = tokenOf('admin', rotation - 1);
    const reload = await fetch(`${adminUrl}/reload`, { method: 'POST', ...bearer(before) });
    const statuses = [
      reload.status,
      (await fetch(`${url}/v1/pipelines`, bearer(tokenOf('client', rotation - 1)))).status,
      (await fetch(`${url}/v1/pipelines`, bearer(tokenOf('client', rotation)))).status,
      (await fetch(`${adminUrl}/state`, bearer(before))).status,
    ];
    expect([rotation, ...statuses]).toEqual([rotation, 200, 401, 200, 401]);
    await sendAll(rotation);
  }

  for (const client of clients) client.write('0\r\n\r\n');
  await Promise.all(clients.map((client) => client.until('Millrace-Status: complete')));
  for (const { received, socket } of clients) {
    const rounds = Array.from(received.matchAll(/"round":(\d+),"a":\{"id":"1","v":"x"\}\}\n/g), ([, round]) =>
      Number(round),
    );
    expect(rounds).toEqual([...Array(rotations + 1).keys()]);
    expect(received).toContain(`Millrace-Read: ${rotations + 1}\r\n`);
    socket.destroy();
  }
  const state = await (await fetch(`${adminUrl}/state`, bearer(tokenOf('admin', rotations)))).json();
  expect(state).toMatchObject({
    streams: [],
    refused: { unauthorized: 2 * rotations },
    pipelines: { test: { recordsIn: streams * (rotations + 1), recordsOut: { enriched: streams * (rotations + 1) } } },
  });
}, 60_000);
