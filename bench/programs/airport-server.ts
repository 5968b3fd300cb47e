import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { work } from '../worker.ts';

/** The same answers as nginx, from memory, if nginx is not installed. */
const [folder = '', headers = '{}'] = process.argv.slice(2);
const own: Readonly<Record<string, string>> = JSON.parse(headers);
const answers = new Map(
  readdirSync(folder).map((name) => [`/airports/${encodeURIComponent(name)}`, readFileSync(join(folder, name))]),
);
const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const answer = answers.get(request.url ?? '');
  response.writeHead(answer === undefined ? 404 : 200, {
    ...own,
    'content-type': 'application/json',
    'content-length': answer?.length ?? 0,
  });
  response.end(answer);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
work(() => ({}), { port: typeof address === 'object' && address !== null ? address.port : 0 });
