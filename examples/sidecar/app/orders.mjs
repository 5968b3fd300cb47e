// Receives orders, one JSON object a line, and returns each with its customer. Millrace, in the same pod, does the lookups.
import { createServer, request } from 'node:http';
import { pipeline } from 'node:stream';

const { PORT = '3000', MILLRACE_URL = 'http://127.0.0.1:8080' } = process.env;

const server = createServer((asked, answer) => {
  if (asked.url === '/healthz') answer.end('ok\n');
  else if (asked.method === 'POST' && asked.url === '/orders') enrich(asked, answer);
  else answer.writeHead(404).end();
});

function enrich(asked, answer) {
  const call = request(`${MILLRACE_URL}/v1/enrich/orders`, { method: 'POST' }, (enriched) => {
    answer.writeHead(enriched.statusCode, { 'content-type': enriched.headers['content-type'] });
    // If the enriched response breaks off, so does this one: the client does not take it for complete.
    pipeline(enriched, answer, () => undefined);
  });
  call.on('error', () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  answer.on('close', () => call.destroy());
  asked.pipe(call);
}

server.listen(Number(PORT), () => process.stdout.write(`orders on ${server.address().port}\n`));
process.once('SIGTERM', () => server.close());
