import type { RequestError } from '../../core/errors.ts';
import type { Deadlock } from '../connection/stall-watch.ts';

/**
 * The connection of one stream, as its session knows it: where the body comes from and where the output goes.
 *
 *     client ◀── bytes ──▶ http1 ◀── body, output ──▶ session
 *
 * A codec (gzip, for example) stands between the two. It is a transport that
 * wraps a transport, so neither the session nor the wrapped transport changes:
 *
 *     client ◀── bytes ──▶ http1 ◀── coded bytes ──▶ codec ◀── body, output ──▶ session
 *
 * - Its `open` opens the wrapped transport with events of its own: it decodes a chunk and passes the result to the
 *   session's `data`. It passes `end` only after the decoder has ended well, and `failed` if the body cannot be decoded.
 * - Its `write` encodes, and writes bytes to the wrapped transport. It flushes with each write: no line waits for more.
 * - Its `finish` writes the end of the coding, then finishes the wrapped transport. Its `cut` writes no such end, so a
 *   client that decodes sees an incomplete stream too.
 *
 * A spool (`http/spool`), which takes the output of a client that reads nothing before it has sent everything, wraps a
 * transport in the same way, below the codec. The codec is `http/coding/codec-transport`; test/http/stream/codec.test.ts
 * shows one that is as small as can be.
 */
export interface Transport {
  /** Address and port of the other end, which may be a proxy; null if there is none. */
  readonly client: string | null;
  /** Whether more should be written. If not, `readerReady` is called when it should. */
  readonly hasRoom: boolean;
  /** Bytes that were written and that this process still holds; 0 if `readerReady` would not be called when they are sent. */
  readonly heldBytes: number;
  /** Undefined if there is no spool. */
  readonly spool?: SpoolUse | undefined;

  /** Sends the head, and calls `events` from now on. Called once. */
  open(head: ResponseHead, events: TransportEvents): void;
  /** Stops `data` until `resume`. A chunk that is on its way may still come. */
  pause(): void;
  /** Does nothing if the transport is not paused. */
  resume(): void;
  /** Takes output to be sent now: text as UTF-8, bytes as they are. Bytes may change after the call. Returns its length in bytes. */
  write(output: string | Uint8Array): number;
  /** Ends a complete stream. Trailers are left out if the protocol has none. `finished` follows. */
  finish(trailers: Readonly<Record<string, string>>): void;
  /**
   * Ends a stream so that the client can see that it is incomplete. Earlier output is still sent, unless the
   * client reads nothing for `stallTimeoutMs`.
   */
  cut(stallTimeoutMs: number): void;
  /** Ends the stream at once. Unsent bytes are dropped, and the client sees a failure. */
  reset(): void;
  /** Gives up the connection of a client that is gone. */
  close(): void;

  /**
   * Calls `stalled` once the client has read nothing for `timeoutMs` (more than 0) although there was something to
   * read. The function returned ends the watch. With `deadlock`, it is found once the client has read nothing for so long
   * and bytes that it has sent have waited all the time. A transport that cannot see such bytes never finds it. Only a
   * spool passes it.
   */
  watchReader(timeoutMs: number, stalled: () => void, deadlock?: Deadlock): () => void;
  /** Bytes that were written and that the client has not taken: those of this process and, if visible, of the kernel. */
  unreadBytes(): Promise<number>;
}

export interface SpoolUse {
  /** Whether output that the client does not read goes to the spool now, or waits there. */
  readonly spooling: boolean;
  /** Bytes that wait in the spool. */
  readonly waitingBytes: number;
  /** Bytes that waited or wait there. */
  readonly totalBytes: number;
}

export interface ResponseHead {
  readonly headers: Readonly<Record<string, string>>;
  /** Names of the trailers that `finish` will send. */
  readonly trailers: readonly string[];
}

/** The events that a transport reports to its session. They may follow the end of the stream; the session ignores them. */
export interface TransportEvents extends BodyEvents {
  /** There is room again. */
  readerReady(): void;
  /** The last byte of a finished stream was sent. */
  finished(): void;
  /** Bytes of the body have arrived, which a codec may not be able to decode yet. */
  activity(): void;
  /** The body cannot be read to its end, although the client is there. Its whole lines are answered. */
  failed(reason: RequestError): void;
  /** An event threw this value. */
  defect(error: unknown): void;
}

export interface BodyEvents {
  data(chunk: Uint8Array): void;
  /** The body is complete. */
  end(): void;
  /** The client is gone, or its body broke off. */
  gone(): void;
}
