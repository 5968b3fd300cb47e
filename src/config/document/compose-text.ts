import type { Grammar } from '../../core/options/grammar.ts';
import { holdsMark, marked, type TextPiece } from '../../core/secrets/reference-text.ts';

export type Composed = { readonly text: string } | { readonly problem: string };

/** One text of pieces, in which the value of a reference stands as the grammar of its place asks. */
export function composeText(pieces: readonly TextPiece[], grammar: Grammar | undefined): Composed {
  if (grammar === 'template' || grammar === 'data template') return markedText(pieces);
  if (grammar === 'pointer') return { text: pointerText(pieces) };
  return grammar === 'cel' ? celText(pieces) : { text: pieces.map(({ text }) => text).join('') };
}

/** Two characters that stand for themselves nowhere, not even in Unicode. */
export const markProblem = 'the characters U+FDD0 and U+FDD1 cannot be used here';

function markedText(pieces: readonly TextPiece[]): Composed {
  if (pieces.some(({ text }) => holdsMark(text))) return { problem: markProblem };
  return { text: pieces.map(({ text, reference }) => (reference ? marked(text) : text)).join('') };
}

/** At its start a reference is a pointer; behind a slash it is the name of a member, slashes in it included. */
function pointerText(pieces: readonly TextPiece[]): string {
  return pieces
    .map(({ text, reference }, place) =>
      reference && place > 0 ? text.replaceAll('~', '~0').replaceAll('/', '~1') : text,
    )
    .join('');
}

const celLiteral = /^(?:-?\d+u?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;
const celProblem =
  'a reference in an expression is the whole of it, stands in quotes ("${VAR}"), or is a number, true, false or null';

/** In quotes a reference is text, whatever its characters. */
function celText(pieces: readonly TextPiece[]): Composed {
  if (pieces.length === 1) return { text: pieces[0]?.text ?? '' };
  const place = new CelPlace();
  let composed = '';
  for (const { text, reference } of pieces) {
    if (!reference) {
      place.pass(text);
      composed += text;
      continue;
    }
    const literal = place.quote === undefined ? (celLiteral.test(text) ? text : undefined) : place.quoted(text);
    if (literal === undefined) return { problem: celProblem };
    composed += literal;
  }
  return { text: composed };
}

/** Where in a CEL expression a position is: in code, in a comment or in a string. Specification: Syntax, STRING_LIT. */
class CelPlace {
  /** The quotes that end the string; undefined in code. */
  quote: string | undefined;
  #raw = false;
  #comment = false;

  pass(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      const { quote } = this;
      if (this.#comment) this.#comment = text[at] !== '\n';
      else if (quote === undefined) {
        if (text.startsWith('//', at)) this.#comment = true;
        const opened = /^(?:"""|'''|"|')/.exec(text.slice(at, at + 3))?.[0];
        if (opened === undefined) continue;
        this.quote = opened;
        this.#raw = /(?:^|[^\w])[rRbB]{1,2}$/.test(text.slice(Math.max(0, at - 3), at));
        at += opened.length - 1;
      } else if (text[at] === '\\' && !this.#raw) at += 1;
      else if (text.startsWith(quote, at)) {
        this.quote = undefined;
        at += quote.length - 1;
      }
    }
  }

  /** Undefined for what a raw string, or one of bytes, has no spelling for. */
  quoted(text: string): string | undefined {
    if (this.#raw) return /^[^\\"'\n\r]*$/.test(text) ? text : undefined;
    return text.replaceAll(/[\\"'\p{Cc}]/gu, (character) =>
      /\p{Cc}/u.test(character) ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : `\\${character}`,
    );
  }
}
