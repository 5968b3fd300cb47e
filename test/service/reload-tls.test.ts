import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Certificates } from '../connectors/http/tls/certificates.ts';
import { listen } from '../http/start.ts';
import { folderOf, serveFolder } from './serving.ts';

describe.each(['lean', 'undici'])('a lookup over TLS, with client: %s', (client) => {
  test('trusts the authority of a new file of tls.ca after a reload, and keeps the old one if the new file is wrong', async () => {
    const files = new Certificates();
    onTestFinished(() => files.remove());
    for (const year of ['old', 'new'])
      files.authority(`${year}-ca`).signed(year, `${year}-ca`, 'subjectAltName=IP:127.0.0.1');
    const server = createServer(files.shown('old'), (_, response) => response.end('{"name":"Detroit"}'));
    const port = await listen(server);
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const folder = folderOf({
      'ca.pem': files.pem('old-ca.crt').toString(),
      'millrace.yaml': `
lookups: { far: { http: { url: "https://127.0.0.1:${port}/", client: ${client}, tls: { ca: ca.pem } } } }
pipelines: { test: { enrich: [ { lookup: far, with: {}, into: /v } ] } }
`,
    });
    const serving = await serveFolder(folder);
    const enrich = async (): Promise<string> => {
      const headers = { 'content-type': 'application/x-ndjson' };
      const response = await fetch(`${serving.url}/v1/enrich/test`, { method: 'POST', headers, body: '{"n":1}\n' });
      return response.text();
    };
    const enriched = '{"n":1,"v":{"name":"Detroit"}}\n';
    expect(await enrich()).toBe(enriched);

    writeFileSync(join(folder, 'new.pem'), 'no certificate');
    renameSync(join(folder, 'new.pem'), join(folder, 'ca.pem'));
    await serving.says(/configuration not reloaded[^\n]*tls\.ca is not a file of certificates in PEM form: ca\.pem/);
    expect(await enrich()).toBe(enriched);

    server.setSecureContext(files.shown('new'));
    server.closeAllConnections();
    expect(await enrich()).toContain('its authority is not trusted: set tls.ca');
    copyFileSync(join(files.folder, 'new-ca.crt'), join(folder, 'new.pem'));
    renameSync(join(folder, 'new.pem'), join(folder, 'ca.pem'));
    await serving.says(/"configuration reloaded/);
    expect(await enrich()).toBe(enriched);
  });
});
