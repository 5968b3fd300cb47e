import type { AnswerHead } from '../../../../src/connectors/http/client/answer-head.ts';
import type { Connection, PooledCall } from '../../../../src/connectors/http/http-pool.ts';

/** A call that writes down what its client reports. */
export class RecordedCall implements PooledCall {
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string | null;
  connection: Connection | undefined = undefined;
  head: AnswerHead | undefined = undefined;
  text = '';
  settled = false;
  wanted = true;
  abort: (error: Error) => void = () => {};
  /** `reused` of each time that the request was about to be sent. */
  readonly reused: boolean[] = [];
  readonly done = Promise.withResolvers<string>();

  constructor(path = '/', { headers = [], body = null }: { headers?: readonly string[]; body?: string | null } = {}) {
    this.path = path;
    this.headers = headers;
    this.body = body;
    this.done.promise.catch(() => {});
  }

  sending(abort: (error: Error) => void, reused: boolean): boolean {
    this.abort = abort;
    if (this.wanted) this.reused.push(reused);
    return this.wanted;
  }

  answerBegan(): void {}

  answerHead(head: AnswerHead): void {
    this.head = head;
  }

  answerBody(bytes: Buffer, start: number, end: number): void {
    this.text += bytes.toString('latin1', start, end);
  }

  ended(): void {
    this.settled = true;
    this.done.resolve(this.text);
  }

  failed(error: Error): void {
    this.settled = true;
    this.done.reject(error);
  }
}
