/** Where a text stops being JSON, and what would have had to stand there (RFC 8259). */
export interface JsonFault {
  /** Index in UTF-16 units; the length where the text ends too early. */
  readonly at: number;
  readonly expected: string;
}

const scalar = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const space = /[ \t\r\n]*/y;

/** The first fault; undefined where `JSON.parse` would take the text. Keeps its own stack, so that depth is no matter. */
export function findJsonFault(text: string): JsonFault | undefined {
  return new FaultFinder(text).run();
}

/** The message for a person: the place from 1, the rule, and what is there. */
export function describeJsonFault(text: string, fault: JsonFault): string {
  const code = text.codePointAt(fault.at);
  const found = code === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(code));
  return `at character ${fault.at + 1} expected ${fault.expected}, found ${found}`;
}

class FaultFinder {
  readonly #text: string;
  /** The brackets that will close what is open, the innermost last. */
  readonly #closers: ('}' | ']')[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonFault | undefined {
    for (;;) {
      const before = this.#value();
      if (before === 'opened') continue;
      const fault = before ?? this.#afterValue();
      if (fault !== 'next') return fault === 'over' ? undefined : fault;
    }
  }

  /** At a value: passes a whole one, or opens a container up to its first value. */
  #value(): JsonFault | 'opened' | undefined {
    this.#space();
    const char = this.#text[this.#at];
    if (char === '"') return this.#string();
    if (char === '{' || char === '[') {
      const closer = char === '{' ? '}' : ']';
      this.#at++;
      this.#space();
      if (this.#text[this.#at] === closer) {
        this.#at++;
        return undefined;
      }
      this.#closers.push(closer);
      return (closer === '}' ? this.#name('a member name or "}"') : undefined) ?? 'opened';
    }
    return this.#pass(scalar) ? undefined : this.#fault('a value');
  }

  /** After a value: closes what closes, up to the next value. */
  #afterValue(): JsonFault | 'next' | 'over' {
    for (;;) {
      this.#space();
      const closer = this.#closers.at(-1);
      const char = this.#text[this.#at];
      if (closer === undefined) return char === undefined ? 'over' : this.#fault('nothing more');
      if (char !== ',' && char !== closer) return this.#fault(`"," or "${closer}"`);
      this.#at++;
      if (char === ',') return (closer === '}' ? this.#name('a member name') : undefined) ?? 'next';
      this.#closers.pop();
    }
  }

  #name(expected: string): JsonFault | undefined {
    this.#space();
    if (this.#text[this.#at] !== '"') return this.#fault(expected);
    const fault = this.#string();
    if (fault !== undefined) return fault;
    this.#space();
    if (this.#text[this.#at] !== ':') return this.#fault('":"');
    this.#at++;
    return undefined;
  }

  #string(): JsonFault | undefined {
    this.#at++;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) return this.#fault('the closing quote of a string');
      if (code < 0x20) return this.#fault('no control character in a string (escape it)');
      if (code === 0x5c) {
        if (!this.#pass(escape)) return this.#fault('an escape that JSON has');
        continue;
      }
      this.#at++;
      if (code === 0x22) return undefined;
    }
  }

  #space(): void {
    this.#pass(space);
  }

  #pass(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #fault(expected: string): JsonFault {
    return { at: this.#at, expected };
  }
}
