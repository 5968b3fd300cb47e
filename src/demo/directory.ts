import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { systemClock } from '../core/time/time.ts';
import type { Airport } from './data.ts';
import { latencies, seededRandom } from './latency.ts';

/** What the directory has seen since it was asked last. */
interface DirectoryCounts {
  /** Milliseconds from the request to the answer, in the order of the requests. */
  readonly latenciesMs: readonly number[];
  readonly mostAtOnce: number;
}

export interface Directory {
  /** With the place of the code, `{iata}`. */
  readonly urlTemplate: string;
  /** What was counted so far; counting starts anew, with the same latencies to be drawn. */
  take(): DirectoryCounts;
  stop(): Promise<void>;
}

/** The body of an answer, made from a row of airports.csv. */
export type AnswerOf = (airport: Airport) => string;

export const airportAnswer: AnswerOf = ({ name, city, state, latitude, longitude }) =>
  JSON.stringify({ name, city, state, latitude: Number(latitude), longitude: Number(longitude) });

const seed = 20_010_101;

/**
 * An airport directory as somebody else's service might be: `GET /airports/{iata}` over HTTP, 404 for a code
 * that it does not know, each answer as late as chance has it. It measures what it really took: timers of Node
 * are whole milliseconds, and a busy machine is late.
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
