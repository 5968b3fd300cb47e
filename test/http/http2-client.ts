import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { onTestFinished } from 'vitest';

/** One stream over HTTP/2, as its client sees it. */
export class Http2Client {
  readonly stream: ClientHttp2Stream;
  received = '';
  head: IncomingHttpHeaders | undefined;
  trailers: IncomingHttpHeaders | undefined;
  closed = false;
  #changed: (() => void)[] = [];

  constructor(session: ClientHttp2Session, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    this.stream.setEncoding('utf8');
    this.stream.on('error', () => {});
    this.stream.on('response', (head) => {
      this.head = head;
      this.#change();
    });
    this.stream.on('trailers', (trailers) => {
      this.trailers = trailers;
    });
    this.stream.on('data', (text: string) => {
      this.received += text;
      this.#change();
    });
    this.stream.on('close', () => {
      this.closed = true;
      this.#change();
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`closed with ${this.stream.rstCode}; got ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  async untilClosed(): Promise<number> {
    if (!this.closed) await this.until(() => this.closed);
    return this.stream.rstCode ?? 0;
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

export function sessionTo({ url }: { readonly url: string }): ClientHttp2Session {
  const session = connect(url, { maxSessionMemory: 1000 });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}
