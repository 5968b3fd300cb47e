import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import { listen } from '../http/start.ts';

/**
 * A proxy that drops trailers. The first response with the first of these texts ends below it, and so on; the others are
 * whole. The end is an ordinary one, as some proxies give it to a broken response.
 */
export async function cuttingProxy(
  url: string,
  cuts: readonly string[],
): Promise<{ readonly url: string; readonly left: () => readonly string[] }> {
  let left = cuts;
  const server = createServer((request, response) => {
    const answered = async (): Promise<void> => {
      const { origin } = request.headers;
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const headers = { 'content-type': 'application/x-ndjson', ...(origin !== undefined && { origin }) };
      const answer = await fetch(url + request.url, { method: 'POST', headers, body });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const [cut] = left;
      const at = cut === undefined ? -1 : bytes.indexOf(cut);
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? '',
        'access-control-allow-origin': answer.headers.get('access-control-allow-origin') ?? '',
      });
      if (cut === undefined || at === -1) return void response.end(bytes);
      left = left.slice(1);
      response.end(bytes.subarray(0, at + Buffer.byteLength(cut)));
    };
    answered().catch(() => response.destroy());
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, left: () => left };
}
