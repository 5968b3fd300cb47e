// A small airport directory: GET http://127.0.0.1:9000/airports/{iata} answers after 10 ms, with 404 for an unknown code.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 9000);
const file = new URL('../airports-table/airports.csv', import.meta.url);
const rows = readFileSync(file, 'utf8').trim().split('\n').slice(1);
const airports = new Map(
  rows.map((row) => {
    const [iata, name, city, state] = row.split(',');
    return [`/airports/${iata}`, JSON.stringify({ name, city, state })];
  }),
);

const server = createServer((request, response) => {
  const airport = airports.get(request.url);
  const status = airport === undefined ? 404 : 200;
  setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end(airport), 10);
});

server.listen(port, '127.0.0.1', () => {
  process.stdout.write(`the directory listens on http://127.0.0.1:${server.address().port}/airports/{iata}\n`);
});
