import type { Grammar } from '../../core/options/grammar.ts';
import { holdsMark, marked, type TextPiece } from '../../core/secrets/reference-text.ts';

export type Composed = { readonly text: string } | { readonly problem: string };

/** Joins pieces to one text. The value of a reference is escaped as the grammar of the place demands. */
export function composeText(pieces: readonly TextPiece[], grammar: Grammar | undefined): Composed {
  if (grammar === 'template' || grammar === 'data template') return markedText(pieces);
  if (grammar === 'pointer') return { text: pointerText(pieces) };
  return grammar === 'cel' ? celText(pieces) : { text: pieces.map(({ text }) => text).join('') };
}

/** Unicode guarantees that these two code points are never characters, so they can mark a reference. */
export const markProblem = 'the characters U+FDD0 and U+FDD1 cannot be used here';

function markedText(pieces: readonly TextPiece[]): Composed {
  if (pieces.some(({ text }) => holdsMark(text))) return { problem: markProblem };
  return { text: pieces.map(({ text, reference }) => (reference ? marked(text) : text)).join('') };
}

/** A reference at the start is a pointer. Behind a slash it is the name of a member, which may hold slashes. */
function pointerText(pieces: readonly TextPiece[]): string {
  return pieces
    .map(({ text, reference }, place) =>
      reference && place > 0 ? text.replaceAll('~', '~0').replaceAll('/', '~1') : text,
    )
    .join('');
}

const celLiteral = /^(?:-?\d+u?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;
const celProblem =
  'a reference in an expression must be the whole expression, be in quotes ("${VAR}"), or be a number, true, false or null';

/** A reference in quotes is text, whatever characters it has. */
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

/** Whether a position in a CEL expression is in code, in a comment or in a string. Specification: Syntax, STRING_LIT. */
class CelPlace {
  /** The quotes that will end the string; undefined in code. */
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

  /** The text as the string spells it. Undefined if a raw string, or one of bytes, cannot spell it. */
  quoted(text: string): string | undefined {
    if (this.#raw) return /^[^\\"'\n\r]*$/.test(text) ? text : undefined;
    return text.replaceAll(/[\\"'\p{Cc}]/gu, (character) =>
      /\p{Cc}/u.test(character) ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : `\\${character}`,
    );
  }
}
