import type { OracleAnswer } from './oracle.ts';
import type { ReadAnswer } from '../read-answer.ts';

/** A kind of answer that undici and Millrace take in different ways, and why that is right. */
interface Difference {
  readonly name: string;
  readonly why: string;
  readonly holds: (ours: ReadAnswer, theirs: OracleAnswer, text: string) => boolean;
}

const refused = (message: RegExp) => (ours: ReadAnswer, theirs: OracleAnswer) =>
  message.test(ours.malformed ?? '') && theirs.whole;
const refusedByUndici = (message: RegExp) => (ours: ReadAnswer, theirs: OracleAnswer) =>
  ours.whole && message.test(theirs.error ?? '');

/** The first that holds is counted. */
export const differences: readonly Difference[] = [
  {
    name: 'refused: another version',
    why: 'Only HTTP/1.0 and HTTP/1.1 say how an answer is delimited.',
    holds: refused(/^it begins with "(?:HTTP\/(?:2\.0|0\.9)|ICY)/),
  },
  {
    name: 'refused: a carriage return within a status line',
    why: 'RFC 9112, 2.2: it is no end of a line; undici takes it for one if there is no reason.',
    holds: refused(/^it begins with "HTTP\/1\.[01] \d{3}\\r/),
  },
  {
    name: 'refused: an empty line, or the end of one, before an answer',
    why: 'It stands behind the answer before, if anywhere, and that connection is closed.',
    holds: (ours, theirs, text) => theirs.whole && !ours.whole && /(?:^|\r\n\r\n)[\r\n]+HTTP/.test(text),
  },
  {
    name: 'refused: a malformed extension of a chunk',
    why: 'RFC 9112, 7.1.1: what two readers take for the size of a chunk must not differ.',
    holds: refused(/extensions that do not follow the grammar/),
  },
  {
    name: 'taken: white space around the parts of an extension of a chunk',
    why: 'RFC 9112, 7.1.1, allows it.',
    holds: refusedByUndici(/Invalid character in chunk (?:extensions|size)/),
  },
  {
    name: 'taken: 100 Continue that no request asked for',
    why: 'RFC 9110, 15.2: a client skips every interim answer.',
    holds: (ours, theirs, text) => refusedByUndici(/bad response/)(ours, theirs) && / 100[ \r]/.test(text),
  },
  {
    name: 'refused: a control character',
    why: 'RFC 9110, 5.5, and RFC 9112, 4, exclude it; undici lets some through in the reason.',
    holds: refused(/holds a control character$/),
  },
  {
    name: 'refused: a transfer coding other than chunked',
    why: 'No other one was asked for, and undici reads the body until the connection closes.',
    holds: refused(/^its transfer-encoding is not chunked/),
  },
  {
    name: 'refused: a tab in the transfer coding',
    why: 'undici reads the chunks themselves as the body.',
    holds: refused(/^its transfer-encoding holds a tab/),
  },
  {
    name: 'refused: two transfer codings',
    why: 'Two readers could delimit the answer in different ways.',
    holds: refused(/more than one transfer-encoding/),
  },
  {
    name: 'refused: chunks in HTTP/1.0',
    why: 'RFC 9112, 6.1: the framing of such an answer is faulty.',
    holds: refused(/HTTP\/1\.0 does not know/),
  },
  {
    name: 'refused: two lengths',
    why: 'RFC 9110, 8.6: an answer with two lengths that differ is invalid.',
    holds: refused(/^it has two lengths/),
  },
  {
    name: 'taken: a length with white space, twice, or of an answer without a body',
    why: 'RFC 9110, 5.5, 8.6 and 6.4.1; undici counts a space as a digit, and compares the length of a body that cannot be there.',
    holds: refusedByUndici(/ResponseContentLengthMismatch|Content-Length|InvalidArgument/),
  },
  {
    name: 'taken: a folded field',
    why: 'RFC 9112, 5.2: a client replaces the fold by a space.',
    holds: (ours, theirs, text) =>
      refusedByUndici(/whitespace after header value|Invalid header value char/)(ours, theirs) &&
      /\r\n[ \t]/.test(text),
  },
  {
    name: 'taken: an answer after which, or after whose interim answer, the connection closes',
    why: 'The answer is whole; what follows it is ignored, because the connection is not used again.',
    holds: refusedByUndici(/Data after `Connection: close`/),
  },
  {
    name: 'closed: bytes behind an answer',
    why: 'They could be taken for the answer to the next call.',
    holds: (ours, theirs) => alike(ours, theirs) && ours.reusable === false && theirs.reusable,
  },
  {
    name: 'kept: an answer without a body, whatever its fields say of one',
    why: 'RFC 9112, 6.3: 204 and 304 end with their head; undici closes the connection.',
    holds: (ours, theirs) =>
      alike(ours, theirs) && ours.reusable === true && !theirs.reusable && (ours.status === 204 || ours.status === 304),
  },
  {
    name: 'kept: the last field of several that speak of the connection',
    why: 'Connection options add up; Proxy-Connection counts as Connection does.',
    holds: (ours, theirs, text) =>
      alike(ours, theirs) && ours.reusable === true && !theirs.reusable && /connection:/i.test(text),
  },
];

function alike(ours: ReadAnswer, theirs: OracleAnswer): boolean {
  return ours.whole && theirs.whole && ours.status === theirs.status && ours.body === theirs.body;
}

export function isAlike(ours: ReadAnswer, theirs: OracleAnswer): boolean {
  return ours.whole ? alike(ours, theirs) && ours.reusable === theirs.reusable : !theirs.whole;
}
