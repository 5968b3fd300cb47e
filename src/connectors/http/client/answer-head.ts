/** The head of an answer: the fields that Millrace reads, without the white space around their values. */
export interface AnswerHead {
  /** Three digits, 100 to 999. */
  readonly status: number;
  /** Bytes of the body; undefined if the head does not say how many. */
  readonly contentLength: number | undefined;
  /** Whether only the end of the connection ends the body. */
  readonly untilClose: boolean;
  readonly contentType: string | undefined;
  /** Every coding that the head names, separated by commas. */
  readonly contentEncoding: string | undefined;
  readonly retryAfter: string | undefined;
  readonly location: string | undefined;
  /** Undefined if the answer has none of them, or if the client does not read them. */
  readonly caching?: CachingFields | undefined;
}

/** The fields of HTTP caching (RFC 9111). Of a list every member, separated by commas; of others the first one. */
export type CachingFields = Partial<
  Record<'age' | 'cache-control' | 'date' | 'etag' | 'expires' | 'last-modified' | 'vary', string>
>;

/** Receives the parts of one answer, in order. */
export interface AnswerReceiver {
  /** Any byte of the answer, interim answers included, has arrived. */
  answerBegan(): void;
  answerHead(head: AnswerHead): void;
  /** The bytes from `start` up to `end`; they are overwritten after the call returns. `last`: the answer ends with them. */
  answerBody(bytes: Buffer, start: number, end: number, last: boolean): void;
  /** The answer is whole. `reusable`: the connection may carry another call. */
  answerEnded(reusable: boolean): void;
}
