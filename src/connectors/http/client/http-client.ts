import type { AnswerHead } from './answer-head.ts';

/** One call, as the client of a connection carries it. Every call that is dispatched ends with `ended` or `failed`. */
export interface Exchange {
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string | null;
  /**
   * The request is about to be sent; `abort` gives it up. `reused`: the connection has brought a whole answer, so the
   * server may have closed it since. False if the call was cancelled before: it is not sent, and not called any more.
   */
  sending(abort: (error: Error) => void, reused: boolean): boolean;
  /** Any byte of the answer has arrived. */
  answerBegan(): void;
  /** The head of the answer; interim answers (1xx) are skipped. */
  answerHead(head: AnswerHead): void;
  /** `bytes` belong to the client after the call, unless `last` is true: then until `ended`, which follows at once. */
  answerBody(bytes: Buffer, start: number, end: number, last: boolean): void;
  ended(): void;
  failed(error: Error): void;
}

/** Carries calls to one origin over one connection, which it opens when it is needed. */
export interface HttpClient {
  readonly connected: boolean;
  /** If an earlier call was cancelled while its connection opened, this one takes its place. */
  dispatch(exchange: Exchange): void;
  /** Ends what runs with an error, and closes the connection. */
  destroy(): Promise<void>;
}
