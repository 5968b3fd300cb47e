import type { CallContext, CancelListener } from '../../core/call/call-context.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import { PromisedOutcome, type Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { LookupObserver } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Pause } from '../../lookup/rate-limit/pause.ts';
import { cancellation, outcomeOf, timeLeft } from '../call-outcome.ts';
import type { AnswerHead } from './client/answer-head.ts';
import type { AccessTokens, Authorized } from './oauth2/access-tokens.ts';
import { answerCoding, decodeAnswer } from './answer-coding.ts';
import { isSuccess, tooLarge, type AnswerRules } from './http-answer.ts';
import { exchangeFailure, isDeadConnection } from './http-failure.ts';
import type { Connection, HttpPool, PooledCall } from './http-pool.ts';

/** What all calls of one lookup share. */
export interface HttpCalls {
  readonly pool: HttpPool;
  /** Begins if the server has had too many calls (429) and says for how long (`Retry-After`). */
  readonly pause: Pause;
  readonly rules: AnswerRules;
  readonly clock: Clock;
  readonly observer: Pick<LookupObserver, 'called'>;
  /** The access token of the calls; undefined: they need none. */
  readonly tokens: AccessTokens | undefined;
  /** Name of the header that says how many milliseconds are left; undefined: none. */
  readonly deadlineHeader: string | undefined;
  /** Whether a request of this method may be sent twice. */
  readonly idempotent: boolean;
}

const emptyBody = Buffer.alloc(0);
/** The body of an error or a miss is read up to this size, to keep the connection. */
const discardedBytes = 65_536;

/**
 * One call: it runs on a connection of the pool and settles once. It is the exchange of the connection's client as well.
 *
 * The outcome is there when the answer is complete or the call is cancelled. The connection returns to the pool when
 * the client no longer uses it, which may be later. A call that is cancelled before its connection is open is never sent.
 */
export abstract class HttpCall<Result> implements PooledCall, CancelListener {
  readonly path: string;
  headers: string[];
  readonly body: string | null;
  connection: Connection | undefined = undefined;

  readonly #calls: HttpCalls;
  readonly #known: KnownAnswer | undefined;
  readonly #startedMs: number;
  #settled = false;
  #sentAgain = false;
  #onKeptConnection = false;
  #authorized: Authorized | undefined = undefined;
  #hasFreshToken = false;
  #abort: ((error: Error) => void) | undefined = undefined;
  #head: AnswerHead | undefined = undefined;
  #answerBegan = false;
  #decoding = false;
  /** The bytes of the body so far, at the start of a buffer that grows. A body that came in one piece stands where it came. */
  #body: Buffer = emptyBody;
  #bodyStart = 0;
  #bytes = 0;
  #receiver: Receiver<Result> | undefined = undefined;
  #context: CallContext | undefined = undefined;

  /** `nowMs`: the time of the clock, if it was just read. */
  constructor(
    calls: HttpCalls,
    path: string,
    headers: string[],
    body: string | null,
    known?: KnownAnswer,
    nowMs = calls.clock.now(),
  ) {
    this.#known = known;
    this.path = path;
    this.headers = headers;
    this.body = body;
    this.#calls = calls;
    this.#startedMs = nowMs;
  }

  /** The result of a complete answer, whose body stands in `bytes` from `start` up to `end`. Throws RecordError. */
  protected abstract read(
    rules: AnswerRules,
    head: AnswerHead,
    bytes: Buffer,
    start: number,
    end: number,
    known: KnownAnswer | undefined,
    delayMs: number,
  ): Result;

  /** Whether the result has a value. */
  protected abstract isFound(result: Result): boolean;

  /** Called once, while the pool is open or closed for good. Throws or rejects RecordError. */
  run(context: CallContext): Promise<Result> {
    const outcome = new PromisedOutcome<Result>();
    this.begin(context, outcome);
    return outcome.promise();
  }

  /** The same with a receiver, which is called while bytes of the connection are read. Throws RecordError. */
  begin(context: CallContext, receiver: Receiver<Result>): void {
    const { deadlineHeader, tokens, rules, pool } = this.#calls;
    const leftMs = timeLeft(rules.lookup, context, this.#startedMs);
    if (deadlineHeader !== undefined && leftMs < Infinity)
      this.headers = [...this.headers, deadlineHeader, String(Math.floor(leftMs))];
    if (tokens !== undefined) this.#authorize(tokens);
    this.#receiver = receiver;
    this.#context = context;
    context.addCancelListener(this);
    if (this.#settled) return;
    if (pool.closed) this.#fail(new RecordError('cancelled', 'the lookup is closed', { lookup: rules.lookup }));
    else pool.start(this);
  }

  /** Called more than once if the request is sent again. */
  sending(abort: (error: Error) => void, reused: boolean): boolean {
    if (this.#settled) {
      this.#calls.pool.release(this);
      return false;
    }
    this.#abort = abort;
    this.#onKeptConnection = reused;
    this.#head = undefined;
    this.#answerBegan = false;
    this.#bytes = 0;
    this.#body = emptyBody;
    this.#bodyStart = 0;
    return true;
  }

  answerBegan(): void {
    this.#answerBegan = true;
  }

  answerHead(head: AnswerHead): void {
    this.#head = head;
    const { rules } = this.#calls;
    const { status, contentLength = 0 } = head;
    if (!this.#isUsed(status)) return;
    if (contentLength > rules.maxResponseBytes) this.#abort?.(tooLarge(rules, status, contentLength));
  }

  answerBody(bytes: Buffer, start: number, end: number, last: boolean): void {
    const { rules } = this.#calls;
    const status = this.#head?.status ?? 0;
    const before = this.#bytes;
    this.#bytes += end - start;
    const used = this.#isUsed(status);
    const mostBytes = used ? rules.maxResponseBytes : discardedBytes;
    if (this.#bytes > mostBytes)
      return this.#abort?.(
        used ? tooLarge(rules, status, undefined) : new Error('the rest of an answer that is not used'),
      );
    if (before > 0 || !last) return this.#append(bytes, start, end, mostBytes);
    this.#body = bytes;
    this.#bodyStart = start;
  }

  /** An answer may come in millions of pieces: a buffer for each would take a hundred times the memory of the answer. */
  #append(bytes: Buffer, start: number, end: number, mostBytes: number): void {
    const before = this.#bytes - (end - start);
    if (this.#bytes > this.#body.byteLength) {
      const announced = this.#head?.contentLength ?? 0;
      const room = Math.min(mostBytes, Math.max(this.#bytes, 2 * this.#body.byteLength, announced));
      const grown = Buffer.allocUnsafe(room);
      this.#body.copy(grown, 0, 0, before);
      this.#body = grown;
    }
    bytes.copy(this.#body, before, start, end);
  }

  ended(): void {
    if (this.#waitsForFreshToken()) return;
    this.#calls.pool.release(this);
    this.#finish();
  }

  failed(error: Error): void {
    this.#abort = undefined;
    if (this.#mayBeSentAgain(error)) {
      this.#sentAgain = true;
      // The client is in the middle of clearing up the dead connection.
      inLaterTurn(() => this.#sendAgain());
      return;
    }
    if (this.#waitsForFreshToken()) return;
    this.#calls.pool.release(this);
    const status = this.#head?.status ?? 200;
    if (error instanceof RecordError) this.#fail(error);
    // The status alone decides the outcome: the body would only be part of the message.
    else if (!this.#isUsed(status)) this.#finish();
    else this.#fail(exchangeFailure(this.#calls.rules.origin, this.#calls.rules.lookup, error));
  }

  /** Whether the body matters, and not the status alone. */
  #isUsed(status: number): boolean {
    return isSuccess(status) && !this.#calls.rules.missStatus.has(status);
  }

  #mayBeSentAgain(error: Error): boolean {
    // The server does not close a fresh connection for being idle, so it may have read the call.
    if (this.#settled || this.#sentAgain || this.#answerBegan || !this.#onKeptConnection) return false;
    return this.#calls.idempotent && isDeadConnection(error);
  }

  #authorize(tokens: AccessTokens): void {
    this.#authorized = tokens.authorize(this.#authorized?.plain ?? this.headers);
    this.headers = this.#authorized.headers;
  }

  /**
   * The server has refused the token of this call (401), so it did not act on the call: it is sent once more when there is
   * a fresh token. It keeps its connection meanwhile.
   */
  #waitsForFreshToken(): boolean {
    const { tokens } = this.#calls;
    if (tokens === undefined || this.#authorized === undefined || this.#head?.status !== 401) return false;
    if (this.#settled || this.#hasFreshToken || !tokens.refused(this.#authorized.token)) return false;
    this.#hasFreshToken = true;
    this.#abort = undefined;
    tokens.whenSettled(() => {
      try {
        if (!this.#settled) this.#authorize(tokens);
      } catch (error) {
        this.#fail(RecordError.from(error).with({ lookup: this.#calls.rules.lookup, attempts: 1 }));
      }
      this.#sendAgain();
    });
    return true;
  }

  #sendAgain(): void {
    if (this.#settled) this.#calls.pool.release(this);
    else this.#calls.pool.again(this);
  }

  callCancelled(reason: unknown): void {
    if (this.#settled) return;
    const error = cancellation(this.#calls.rules.lookup, reason);
    this.#fail(error);
    // The connection was released before the answer was decoded.
    if (this.#decoding) return;
    // The connection of a call that is not sent stays open, or goes on being opened, for the next call.
    if (this.#abort === undefined) this.#calls.pool.release(this);
    else this.#abort(error);
  }

  #finish(): void {
    const head = this.#head;
    if (head === undefined) return;
    const coding = answerCoding(head);
    const start = this.#bodyStart;
    const end = start + this.#bytes;
    if (coding === undefined) return this.#read(head, this.#body, start, end);
    this.#decoding = decodeAnswer(
      { rules: this.#calls.rules, head, coding, used: this.#isUsed(head.status) },
      this.#body.subarray(start, end),
      (decoded) => this.#read({ ...head, contentEncoding: undefined }, decoded, 0, decoded.byteLength),
      (error) => this.#fail(error),
    );
  }

  #read(head: AnswerHead, body: Buffer, start: number, end: number): void {
    if (this.#settled) return;
    try {
      const { rules, clock } = this.#calls;
      const delayMs = head.caching === undefined ? 0 : clock.now() - this.#startedMs;
      const answer = this.read(rules, head, body, start, end, this.#known, delayMs);
      const now = this.#settle(this.isFound(answer) ? 'ok' : 'miss');
      this.#receiver?.answered(answer, now);
    } catch (error) {
      this.#fail(RecordError.from(error));
    }
  }

  #fail(error: RecordError): void {
    if (this.#settled) return;
    this.#settle(outcomeOf(error));
    const { status, retryAfterMs } = error.details;
    if (status === 429 && retryAfterMs !== undefined) this.#calls.pause.begin(retryAfterMs);
    this.#receiver?.failed(error);
  }

  /** Returns the time of the clock. */
  #settle(outcome: Parameters<LookupObserver['called']>[0]): number {
    this.#settled = true;
    this.#context?.removeCancelListener(this);
    const now = this.#calls.clock.now();
    this.#calls.observer.called(outcome, now - this.#startedMs);
    return now;
  }
}
