import { codingOf } from '../../wire/coding/coding-names.ts';
import { decodeAtOnce, decodeLater, UndecodedBody } from '../../wire/coding/whole-body.ts';
import { RecordError } from '../../core/errors.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import type { AnswerHead } from './client/answer-head.ts';
import { type AnswerRules, badResponse, codingNames, tooLarge } from './http-answer.ts';

const noBody = Buffer.alloc(0);

/** The only coding of an answer; undefined: it has none, or one that `checkHead` refuses. */
export function answerCoding({ contentEncoding }: AnswerHead): ContentCoding | undefined {
  if (contentEncoding === undefined) return undefined;
  const [name, ...others] = codingNames(contentEncoding);
  return name === undefined || others.length > 0 ? undefined : codingOf(name);
}

export interface CodedAnswer {
  readonly rules: AnswerRules;
  readonly head: AnswerHead;
  readonly coding: ContentCoding;
  /** Whether the body is used. If not, the status alone decides, and the body is a part of the message. */
  readonly used: boolean;
}

/**
 * Calls `read` with the decoded body, or `fail` with RecordError `bad_response` or `response_too_large`: at once if the
 * body is short, else later. True: later. An unused body is empty if it is not decoded at once.
 */
export function decodeAnswer(
  answer: CodedAnswer,
  body: Buffer,
  read: (decoded: Buffer) => void,
  fail: (error: RecordError) => void,
): boolean {
  const { rules, head, coding, used } = answer;
  const decoded = body.byteLength === 0 ? body : (decodeAtOnce(coding, body) ?? (used ? undefined : noBody));
  if (decoded === undefined) {
    // The bytes of the answer may change after this call.
    decodeLater(coding, Buffer.from(body), rules.maxResponseBytes).then(read, (error: unknown) =>
      fail(failureOf(answer, error)),
    );
    return true;
  }
  if (used && decoded.byteLength > rules.maxResponseBytes) fail(tooLarge(rules, head.status, undefined));
  else read(decoded);
  return false;
}

function failureOf({ rules, head }: CodedAnswer, error: unknown): RecordError {
  if (!(error instanceof UndecodedBody)) return RecordError.from(error);
  if (error.kind === 'large') return tooLarge(rules, head.status, undefined);
  return badResponse(rules, head, `the answer cannot be decoded: ${error.message}`);
}
