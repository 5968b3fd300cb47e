import type { RequestError } from '../../core/errors.ts';
import { PROBLEM_TYPE, type Problem, requestProblem } from '../problem.ts';

/** The text of a response with a problem, for a connection that has no request of Node.js and is closed after it. */
export function closingAnswer(status: string, error: RequestError, headers: readonly string[] = []): string {
  const problem: Problem = { ...requestProblem(error, 'none'), status: Number.parseInt(status, 10) };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
