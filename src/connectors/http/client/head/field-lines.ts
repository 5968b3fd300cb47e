import {
  fieldsFound,
  lastLine,
  NAME_END,
  NAME_START,
  placeOf,
  scanFields,
  VALUE_END,
  VALUE_START,
} from './field-scan.ts';
import { byteAt, checkValue, COLON, HTAB, isBlank, isText, latin1, shown, tokenEnd, trimmed } from './head-bytes.ts';
import { type FieldName, fieldNameAt, type HeadFields, type WantedFields } from './head-fields.ts';
import { MalformedAnswer } from '../malformed-answer.ts';

const longestKnown = 64;

/**
 * Reads the lines of a head's fields, and gives the values of the wanted ones to `fields`.
 *
 * The value of a line is complete when the next line shows that it does not continue it (RFC 9112, 5.2).
 */
export class FieldLines {
  readonly #fields: HeadFields;
  readonly #wanted: WantedFields;
  /** The field of the last line; undefined if it is not wanted. */
  #name: FieldName | undefined = undefined;
  #value = '';
  /** The last value of the field with the same number in another head: most are equal, and a comparison is cheaper than a text. */
  readonly #known: string[] = [];
  /** Whether a line may continue the value of the one before. */
  #mayFold = false;

  constructor(fields: HeadFields, wanted: WantedFields) {
    this.#fields = fields;
    this.#wanted = wanted;
  }

  /** The next line is the first one. */
  start(): void {
    this.#name = undefined;
    this.#mayFold = false;
  }

  /** No more lines follow. Throws MalformedAnswer. */
  end(): void {
    this.#commit();
    this.#mayFold = false;
  }

  /** Reads usual lines at once, as most of a head is, and returns how many bytes they have. Throws MalformedAnswer. */
  usual(bytes: Buffer, start: number, end: number): number {
    const length = scanFields(bytes, start, end, this.#wanted.lengths);
    if (length === 0) return 0;
    this.#commit();
    this.#mayFold = true;
    const found = fieldsFound();
    for (let field = 0; field < found; field += 1) {
      const line = placeOf(field, NAME_START);
      const name = fieldNameAt(bytes, start + line, start + placeOf(field, NAME_END), this.#wanted);
      if (name === undefined) continue;
      this.#commit();
      this.#name = name;
      const valueEnd = start + placeOf(field, VALUE_END);
      this.#value = this.#valueAt(field, bytes, start + placeOf(field, VALUE_START), valueEnd);
      if (line !== lastLine()) this.#commit();
    }
    return length;
  }

  #valueAt(field: number, bytes: Buffer, start: number, end: number): string {
    const known = this.#known[field];
    if (known !== undefined && isText(bytes, start, end, known)) return known;
    const value = latin1(bytes, start, end);
    if (end - start <= longestKnown) this.#known[field] = value;
    return value;
  }

  /** A line without its end. `read`: whether its value may matter. Throws MalformedAnswer. */
  line(bytes: Buffer, start: number, end: number, read: boolean): void {
    if (isBlank(byteAt(bytes, start))) return this.#continued(bytes, start, end);
    this.#commit();
    const colon = tokenEnd(bytes, start, end);
    if (colon === start || colon === end || bytes[colon] !== COLON) {
      const fault = colon === start ? 'no name' : 'no colon right after its name';
      throw new MalformedAnswer(`a field of it has ${fault}: ${shown(bytes, start, end)}`);
    }
    checkValue(bytes, colon + 1, end, 'a field');
    this.#mayFold = true;
    if (!read) return;
    this.#name = fieldNameAt(bytes, start, colon, this.#wanted);
    if (this.#name === undefined) return;
    // A tab is white space to some readers and a part of the value to others, and this value decides where the answer ends.
    if (this.#name === 'transfer-encoding' && bytes.subarray(colon, end).includes(HTAB))
      throw new MalformedAnswer('its transfer-encoding holds a tab');
    this.#value = trimmed(bytes, colon + 1, end);
  }

  #continued(bytes: Buffer, start: number, end: number): void {
    if (!this.#mayFold) throw new MalformedAnswer('its first field begins with white space');
    checkValue(bytes, start, end, 'a field');
    if (this.#name !== undefined) this.#value = `${this.#value} ${trimmed(bytes, start, end)}`.trim();
  }

  #commit(): void {
    const name = this.#name;
    if (name === undefined) return;
    this.#name = undefined;
    this.#fields.add(name, this.#value);
  }
}
