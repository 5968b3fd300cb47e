import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { work } from '../worker.ts';

/**
 * Answers each call after the milliseconds in its path, whatever number of keys it is for, as a service does whose time
 * is a round trip to a database.
 *
 *     GET  /5/one/SFO                          {"iata":"SFO","city":"City of SFO"}
 *     POST /5/many   {"codes":["SFO","DTW"]}   [{"iata":"SFO", …},{"iata":"DTW", …}]
 */
const answerTo = (iata: string): object => ({ iata, city: `City of ${iata}` });

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const [, wait = '0', kind = '', iata = ''] = (request.url ?? '').split('/');
  const answer = async (): Promise<void> => {
    let body: unknown = answerTo(iata);
    if (kind === 'many') {
      const { codes }: { codes: readonly string[] } = JSON.parse(await text(request));
      body = codes.map(answerTo);
    }
    const json = JSON.stringify(body);
    response.setHeader('content-type', 'application/json');
    if (wait === '0') response.end(json);
    else setTimeout(() => response.end(json), Number(wait));
  };
  void answer();
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
work(() => ({}), { port: typeof address === 'object' && address !== null ? address.port : 0 });
