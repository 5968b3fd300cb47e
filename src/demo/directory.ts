import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { systemClock } from '../core/time/time.ts';
import type { Airport } from './data.ts';
import { latencies, seededRandom } from './latency.ts';

/** The counts of the directory since `take` was last called. */
interface DirectoryCounts {
  /** Milliseconds from the request to the answer, in the order of the requests. */
  readonly latenciesMs: readonly number[];
  readonly mostAtOnce: number;
}

export interface Directory {
  /** With `{iata}` in the place of the code. */
  readonly urlTemplate: string;
  /** Returns the counts and starts them anew; the latencies that follow are the same as at the start. */
  take(): DirectoryCounts;
  stop(): Promise<void>;
}

/** Makes the body of an answer from a row of airports.csv. */
export type AnswerOf = (airport: Airport) => string;

export const airportAnswer: AnswerOf = ({ name, city, state, latitude, longitude }) =>
  JSON.stringify({ name, city, state, latitude: Number(latitude), longitude: Number(longitude) });

const seed = 20_010_101;

/**
 * An airport directory as another team might run it: `GET /airports/{iata}` over HTTP, 404 for an unknown code, each
 * answer after a random time. It measures the time that each answer took, because timers of Node.js are whole
 * milliseconds and late on a busy machine.
 */
export function startDirectory(airports: ReadonlyMap<string, Airport>, answerOf: AnswerOf): Promise<Directory> {
  const answers = new Map([...airports].map(([iata, airport]) => [iata, answerOf(airport)]));
  let draw = latencies(seededRandom(seed));
  let latenciesMs: number[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;

  const server = createServer((request, response) => {
    const began = systemClock.now();
    const place = latenciesMs.push(0) - 1;
    const counted = latenciesMs;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    systemClock.setTimer(Math.round(draw()), () => {
      atOnce--;
      counted[place] = systemClock.now() - began;
      reply(request, response, answers);
    });
  });
  server.keepAliveTimeout = 60_000;

  return listening(server).then((port) => ({
    urlTemplate: `http://127.0.0.1:${port}/airports/{iata}`,
    take() {
      const counts = { latenciesMs, mostAtOnce };
      latenciesMs = [];
      mostAtOnce = atOnce;
      draw = latencies(seededRandom(seed));
      return counts;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  }));
}

function reply(request: IncomingMessage, response: ServerResponse, answers: ReadonlyMap<string, string>): void {
  const code = request.url?.startsWith('/airports/') ? decodeURIComponent(request.url.slice('/airports/'.length)) : '';
  const body = answers.get(code);
  response.sendDate = false;
  if (body === undefined) response.writeHead(404, { 'content-length': 0 }).end();
  else
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
}

/** Listens on the loopback address, at any free port. */
function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server listens at no port'));
      else resolve(address.port);
    });
  });
}
