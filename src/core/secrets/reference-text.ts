/**
 * Text of the configuration in which the values of references (`${VAR}`, `${file:…}`) are marked.
 *
 *     "Bearer ${KEY}"  ▶  "Bearer " ⟨ the value ⟩       ⟨ = U+FDD0, ⟩ = U+FDD1: noncharacters of Unicode
 *
 * A value between the marks is literal: braces and slashes in it have no meaning, and it is shown as `***`. The marks are
 * characters of the string, so that they pass every schema; `interpolate` refuses text that already has one.
 */

const open = '\u{FDD0}';
const close = '\u{FDD1}';
const value = /\u{FDD0}([^\u{FDD1}]*)\u{FDD1}/gu;

/** Shown instead of a hidden value. */
export const hidden = '***';

export interface TextPiece {
  readonly text: string;
  /** Whether the piece is the value of a reference. */
  readonly reference: boolean;
}

export function marked(text: string): string {
  return open + text + close;
}

/** Whether a text has a mark. A text of the user that has one is refused: it would look like a marked value. */
export function holdsMark(text: string): boolean {
  return text.includes(open) || text.includes(close);
}

/** The pieces of a text in their order. A piece is empty only if it is the value of a reference that is empty. */
export function piecesOf(text: string): readonly TextPiece[] {
  if (!text.includes(open)) return text === '' ? [] : [{ text, reference: false }];
  return text
    .split(value)
    .map((piece, place) => ({ text: piece, reference: place % 2 === 1 }))
    .filter((piece) => piece.reference || piece.text !== '');
}

/** The text without marks, as it is sent. */
export function plainText(text: string): string {
  return text.includes(open) ? text.replaceAll(value, (_, inner: string) => inner) : text;
}

/** The text with `***` instead of each value. */
export function shownText(text: string): string {
  return text.includes(open) ? text.replaceAll(value, () => hidden) : text;
}
