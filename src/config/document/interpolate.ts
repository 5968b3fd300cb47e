import { hidden, type TextPiece } from '../../core/secrets/reference-text.ts';

/** The places that references read. */
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file; throws if it cannot be read. */
  readonly readFile: (name: string) => string;
}

export interface Interpolated {
  /** The text in pieces. The piece of a reference holds its value. */
  readonly pieces: readonly TextPiece[];
  readonly text: string;
  /** The text with `***` instead of each value; undefined if it holds no reference. */
  readonly shown: string | undefined;
  /** The values from the environment and from files. A default does not count: it is part of the configuration. */
  readonly brought: readonly string[];
  /** A sentence for each mistake in the references. */
  readonly problems: readonly string[];
}

type Node = string | Variable | File;
interface Variable {
  readonly name: string;
  readonly otherwise: readonly Node[] | undefined;
}
interface File {
  readonly file: readonly Node[];
}

/** The deepest nesting of references that is read; a deeper one is a typing error. */
const deepest = 8;

const malformed =
  'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves';

/**
 * Replaces `${VAR}`, `${VAR:-default}` (the default, if VAR is unset or empty) and `${file:/run/secrets/token}` (the
 * content, without the line break at its end) by their values. `$${` becomes `${`. A default and the name of a file may
 * hold references. A value that was put in is not searched for references.
 */
export function interpolate(text: string, sources: ReferenceSources): Interpolated {
  const reader = new Reader(text);
  const nodes = reader.nodes(0);
  const problems = [...reader.problems];
  const brought: string[] = [];

  const valueOf = (node: Node): string => {
    if (typeof node === 'string') return node;
    if ('file' in node) return contents(join(node.file));
    const { name, otherwise } = node;
    const value = sources.env[name];
    if (otherwise !== undefined && (value === undefined || value === '')) return join(otherwise);
    if (value !== undefined) return noted(value);
    problems.push(`the environment variable ${name} is not set; set it, or write \${${name}:-default}`);
    return '';
  };
  const join = (parts: readonly Node[]): string => parts.map((part) => valueOf(part)).join('');
  const noted = (value: string): string => {
    brought.push(value);
    return value;
  };
  const contents = (name: string): string => {
    try {
      return noted(sources.readFile(name).replace(/\r?\n$/, ''));
    } catch (error) {
      problems.push(`the file ${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return '';
    }
  };

  // A text with a mistake gets no values: half of a reference may name another file.
  const pieces =
    problems.length > 0
      ? []
      : nodes.map((node) => ({ text: valueOf(node), reference: typeof node !== 'string' }) as const);
  const shown = pieces.some(({ reference }) => reference)
    ? pieces.map((piece) => (piece.reference ? hidden : piece.text)).join('')
    : undefined;
  return { pieces, text: pieces.map((piece) => piece.text).join(''), shown, brought, problems };
}

/** Escapes a text so that `interpolate` returns the text itself. */
export function escapeReferences(text: string): string {
  return text.replaceAll('${', () => '$${');
}

/** Reads `text ${NAME:-text ${…} text} text`. A default ends at the first `}` that does not end a reference within it. */
class Reader {
  readonly problems: string[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the end or, inside a reference, up to its `}`. */
  nodes(depth: number): readonly Node[] {
    const nodes: Node[] = [];
    let literal = '';
    const end = depth > 0 ? '}' : undefined;
    while (this.#at < this.#text.length && this.#text[this.#at] !== end) {
      if (this.#takes('$${')) literal += '${';
      else if (this.#takes('${')) {
        if (literal !== '') nodes.push(literal);
        literal = '';
        const reference = this.#reference(depth + 1);
        if (reference !== undefined) nodes.push(reference);
      } else literal += this.#text[this.#at++];
    }
    if (literal !== '') nodes.push(literal);
    return nodes;
  }

  #reference(depth: number): Node | undefined {
    if (depth > deepest) {
      this.#at = this.#text.length;
      if (this.problems.length === 0) this.problems.push(`references are nested more than ${deepest} deep`);
      return undefined;
    }
    const node = this.#body(depth);
    if (node !== undefined && this.#takes('}')) return node;
    if (this.problems.length === 0) this.problems.push(malformed);
    this.#at = this.#text.length;
    return undefined;
  }

  #body(depth: number): Node | undefined {
    if (this.#takes('file:')) return { file: this.nodes(depth) };
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) return undefined;
    this.#at += name.length;
    return { name, otherwise: this.#takes(':-') ? this.nodes(depth) : undefined };
  }

  #takes(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }
}
