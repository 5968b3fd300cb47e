import { recordErrors } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../../core/json/json.ts';
import type { LineCheckpoint } from '../../../wire/control.ts';
import { locate } from '../../../wire/json/json-text.ts';
import type { Marks } from './marks.ts';

/** Receives the parts of an output, in their order. */
export interface OutputEvents {
  /** Whole lines, as they are written. */
  lines(bytes: Buffer, count: number): void;
  /** The line of a record that failed. */
  failed(failure: FailedLine, line: Buffer): void;
  checkpoint(checkpoint: LineCheckpoint): void;
  /** The stream is complete. */
  summary(): void;
  /** The stream ends before it is complete. */
  fatal(problem: JsonObject): void;
}

export interface FailedLine {
  readonly seq: number;
  readonly code: string;
  readonly message: string;
}

const LF = 0x0a;
const controlStart = Buffer.from('{"$');
const failureStart = '{"code":"';
const errorPlace = ['_error'];

/** Divides the output of a stream with control lines into its lines, and takes the marks out of them. */
export class OutputLines {
  readonly #marks: Marks;
  readonly #events: OutputEvents;
  /** The line that has begun. */
  #begun: Buffer[] = [];
  #complete = false;

  constructor(marks: Marks, events: OutputEvents) {
    this.#marks = marks;
    this.#events = events;
  }

  /** Whether the output has ended with its `$summary`. */
  get complete(): boolean {
    return this.#complete;
  }

  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) {
      this.#begun.push(chunk);
      return;
    }
    const whole = chunk.subarray(0, end);
    const bytes = this.#begun.length === 0 ? whole : Buffer.concat([...this.#begun, whole]);
    this.#begun = end === chunk.length ? [] : [chunk.subarray(end)];
    this.#whole(bytes);
  }

  /** Divides whole lines at the control lines and at the lines of failed records. */
  #whole(bytes: Buffer): void {
    if (this.#marks.used) return this.#each(bytes);
    let done = 0;
    let control = indexOfLine(bytes, controlStart, 0);
    let failure = bytes.indexOf(failureStart);
    while (control !== -1 || failure !== -1) {
      const isControl = control !== -1 && (failure === -1 || control < failure);
      const start = isControl ? control : bytes.lastIndexOf(LF, failure) + 1;
      const end = bytes.indexOf(LF, start) + 1;
      if (isControl ? this.#control(bytes, done, start, end) : this.#failed(bytes, done, start, end)) done = end;
      if (control !== -1 && control < end) control = indexOfLine(bytes, controlStart, end);
      if (failure !== -1 && failure < end) failure = bytes.indexOf(failureStart, end);
    }
    this.#plain(bytes, done, bytes.length);
  }

  /** The same, line by line. */
  #each(bytes: Buffer): void {
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(LF, start) + 1;
      const line = bytes.subarray(start, end);
      if (!this.#control(line, 0, 0, line.length)) {
        const text = line.toString('latin1');
        const unmarked = this.#marks.unmarked(text);
        const plain = unmarked === text ? line : Buffer.from(unmarked, 'latin1');
        const failure = failureOf(line);
        if (failure === undefined) this.#events.lines(plain, 1);
        else this.#events.failed(failure, plain);
      }
      start = end;
    }
  }

  #plain(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    const lines = bytes.subarray(start, end);
    this.#events.lines(lines, countLines(lines));
  }

  #failed(bytes: Buffer, done: number, start: number, end: number): boolean {
    const line = bytes.subarray(start, end);
    const failure = failureOf(line);
    if (failure === undefined) return false;
    this.#plain(bytes, done, start);
    this.#events.failed(failure, line);
    return true;
  }

  #control(bytes: Buffer, done: number, start: number, end: number): boolean {
    if (bytes.compare(controlStart, 0, controlStart.length, start, start + controlStart.length) !== 0) return false;
    const line = bytes.toString('utf8', start, end);
    const name = /^\{"\$(checkpoint|summary|fatal)":/.exec(line)?.[1];
    const value = name === undefined ? undefined : memberOf(line, `$${name}`);
    if (!isJsonObject(value)) return false;
    this.#plain(bytes, done, start);
    if (name === 'summary') {
      this.#complete = true;
      this.#events.summary();
    }
    if (name === 'fatal') this.#events.fatal(value);
    if (name === 'checkpoint') this.#events.checkpoint(checkpointOf(value));
    return true;
  }
}

function memberOf(line: string, name: string): JsonValue | undefined {
  try {
    const value = parseJson(line);
    return isJsonObject(value) && Object.keys(value).length === 1 ? value[name] : undefined;
  } catch {
    return undefined;
  }
}

const isIndex = (value: JsonValue | undefined): value is number => Number.isSafeInteger(value);

function checkpointOf({ next, pending }: JsonObject): LineCheckpoint {
  const items: readonly JsonValue[] = Array.isArray(pending) ? pending : [];
  const indices = items.filter((item) => isIndex(item));
  if (isIndex(next) && Array.isArray(pending) && indices.length === pending.length) return { next, pending: indices };
  throw new Error('the stream has a $checkpoint that is not understood: its service may have another version');
}

/** What a line says about the failure of its record; undefined if the record did not fail. */
function failureOf(line: Buffer): FailedLine | undefined {
  if (!line.includes(failureStart)) return undefined;
  try {
    const text = line.toString();
    const span = locate(text, errorPlace);
    if (span === undefined || !text.startsWith(failureStart, span.start)) return undefined;
    const error = parseJson(text.slice(span.start, span.end));
    if (!isJsonObject(error)) return undefined;
    const { code, line: number, message } = error;
    if (typeof code !== 'string' || !Object.hasOwn(recordErrors, code) || typeof number !== 'number') return undefined;
    return { seq: number - 1, code, message: typeof message === 'string' ? message : '' };
  } catch {
    return undefined;
  }
}

/** Index of the first line from `from` on, itself the start of a line, that begins with these bytes; -1 if there is none. */
function indexOfLine(bytes: Buffer, start: Buffer, from: number): number {
  let at = bytes.indexOf(start, from);
  while (at > 0 && bytes[at - 1] !== LF) at = bytes.indexOf(start, at + 1);
  return at;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count += 1;
  return count;
}
