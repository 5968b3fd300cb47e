import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { chooseProtocol } from './protocol-choice.ts';
import { PROBLEM_TYPE, requestProblem, RETRY_AFTER_SECONDS } from '../problem.ts';
import { closingAnswer } from '../connection/closing-answer.ts';
import { endSocket } from '../connection/connection-end.ts';

/** How long a refused client may take to send the beginning of a request, and after that to read its answer. */
const REFUSED_MS = 1000;

/** Answers the first request of a connection with this error, in the version of HTTP that the client speaks, and closes it. */
export function refuseConnection(socket: Socket, error: RequestError, clock: Clock): void {
  socket.on('error', () => {});
  const answer = (): void => {
    endSocket(
      socket,
      closingAnswer('503 Service Unavailable', error, [`Retry-After: ${RETRY_AFTER_SECONDS}`]),
      clock,
      REFUSED_MS,
    );
    socket.resume();
  };
  chooseProtocol(socket, {
    timeoutMs: REFUSED_MS,
    clock,
    chosen: (protocol) => (protocol === 'h2' ? refuseHttp2(socket, error, clock) : answer()),
    late: answer,
  });
}

function refuseHttp2(socket: Socket, error: RequestError, clock: Clock): void {
  const problem = requestProblem(error, 'none');
  const session = performServerHandshake(socket, { settings: { maxConcurrentStreams: 1 } });
  session.on('error', () => {});
  session.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {});
    stream.respond({
      ':status': problem.status,
      'content-type': PROBLEM_TYPE,
      'retry-after': String(RETRY_AFTER_SECONDS),
    });
    stream.end(JSON.stringify(problem));
    session.close();
  });
  socket.once(
    'close',
    clock.setTimer(REFUSED_MS, () => socket.destroy()),
  );
}
