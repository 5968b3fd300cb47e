import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { systemClock } from '../core/time/time.ts';

/** The response to one request. */
export interface Flow {
  /** Without line ends. */
  readonly lines: readonly string[];
  /** From the first byte sent to the last one read. */
  readonly ms: number;
  /** Names in lower case; empty if the response was cut. */
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

/** Large enough for few writes, small enough to stop soon after the service stops reading. */
const linesPerWrite = 200;

/**
 * POSTs the lines as NDJSON, no faster than the service reads them, and reads the response at the same time. Rejects if
 * the request is refused, or if the response ends before it is complete.
 */
export function flow(
  url: string,
  lines: readonly string[],
  onLines: (count: number) => void,
  signal: AbortSignal,
): Promise<Flow> {
  const agent = new Agent();
  const began = systemClock.now();
  return new Promise<Flow>((resolve, reject) => {
    const request = httpRequest(url, {
      agent,
      signal,
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', te: 'trailers' },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      collect(response, onLines).then(
        (received) => resolve({ ...received, ms: systemClock.now() - began, trailers: response.trailers }),
        reject,
      );
    });
    send(request, lines);
  }).finally(() => agent.destroy());
}

function send(request: ClientRequest, lines: readonly string[]): void {
  let next = 0;
  const sendBatches = (): void => {
    while (next < lines.length) {
      const batch = lines.slice(next, next + linesPerWrite);
      next += batch.length;
      if (!request.write(`${batch.join('\n')}\n`)) {
        request.once('drain', sendBatches);
        return;
      }
    }
    request.end();
  };
  sendBatches();
}

function collect(response: IncomingMessage, onLines: (count: number) => void): Promise<Pick<Flow, 'lines'>> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    let unfinished = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      const parts = (unfinished + text).split('\n');
      unfinished = parts.pop() ?? '';
      lines.push(...parts);
      onLines(lines.length);
    });
    response.on('error', (error) => reject(new Error(`the response was cut: ${error.message}`, { cause: error })));
    response.on('end', () => {
      if (response.statusCode !== 200) reject(new Error(`the service answered ${response.statusCode}: ${unfinished}`));
      else if (unfinished === '') resolve({ lines });
      else reject(new Error(`the last line has no end: ${unfinished}`));
    });
  });
}
