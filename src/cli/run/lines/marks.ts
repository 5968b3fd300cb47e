import { isUtf8 } from 'node:buffer';
import { locate, skipSpace } from '../../../wire/json/json-text.ts';
import { findJsonFault } from '../../../wire/json/json-fault.ts';

/**
 * Marks in lines on their way through a stream with control lines. The stream keeps the bytes of a line, so the marks come
 * back with it, and are taken out of the output. They change no value of the record.
 *
 *     record of the input                      is sent as
 *     {"$id":1}                       a tab,   \t{"\u0024id":1}              "$" first would be a control line
 *     {"\u0024id":1}                  a space, ' {"\u0024id":1}'             so that both come back as they were
 *     {"_error":{"code":"timeout"}}            {"_error":{ "code":"timeout"}}
 *                                              a failure that the stream reports begins with {"code"
 *
 * Lines are text with a character for each byte. A line that is no JSON object has no marks: its error shows it as it is.
 */
const dollarFirst = /^(\s*\{\s*")(?:\$|\\u0024)/;
const plainDollar = /^\s*\{\s*"\$/;
const markedDollar = /^[\t ]\s*\{\s*"\\u0024/;
const sent = String.raw`\u0024`;
/** The name `_error`, or an escape that may be one of its letters. */
const perhapsError = /"_error"|\\u00(?:5f|5F|65|72|6f|6F)/;
const errorPlace = ['_error'];

export class Marks {
  readonly #dollars: boolean;
  #used = false;

  /** `dollars`: lines that begin with a `$` member are records. */
  constructor(dollars: boolean) {
    this.#dollars = dollars;
  }

  /** Whether a line was marked, so that lines of the output may have marks. */
  get used(): boolean {
    return this.#used;
  }

  /** Whether these lines may need marks. Most do not, and need no text. */
  mayMark(bytes: Buffer): boolean {
    if (this.#dollars && (bytes.includes('"$') || bytes.includes(sent))) return true;
    return bytes.includes('"_error"') || (bytes.includes('\\u00') && perhapsError.test(bytes.toString('latin1')));
  }

  marked(line: string): string {
    const dollar = this.#dollars && dollarFirst.test(line);
    if ((!dollar && !perhapsError.test(line)) || !isObject(line)) return line;
    let text = line;
    const error = errorObject(text);
    if (error >= 0) text = `${text.slice(0, error + 1)} ${text.slice(error + 1)}`;
    if (dollar) text = plainDollar.test(text) ? `\t${text.replace(dollarFirst, (_, open) => open + sent)}` : ` ${text}`;
    if (text !== line) this.#used = true;
    return text;
  }

  unmarked(line: string): string {
    if (!this.#used) return line;
    let text = line;
    if (this.#dollars && markedDollar.test(text)) {
      const plain = text.startsWith('\t');
      text = text.slice(1);
      if (plain) text = text.replace(dollarFirst, (_, open) => `${open}$`);
    }
    const error = perhapsError.test(text) ? errorObject(text) : -1;
    return error >= 0 && text[error + 1] === ' ' ? text.slice(0, error + 1) + text.slice(error + 2) : text;
  }
}

function isObject(line: string): boolean {
  if (line[skipSpace(line, 0)] !== '{' || findJsonFault(line) !== undefined) return false;
  return isUtf8(Buffer.from(line, 'latin1'));
}

/** Index of the brace of the `_error` of a record, if that is an object; -1 if not. */
function errorObject(line: string): number {
  const span = locate(line, errorPlace);
  return span !== undefined && line[span.start] === '{' ? span.start : -1;
}
