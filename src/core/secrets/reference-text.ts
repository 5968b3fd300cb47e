/**
 * Text of the configuration that knows which of it a reference (`${VAR}`, `${file:…}`) brought in.
 *
 *     "Bearer ${KEY}"  ▶  "Bearer " ⟨ the value ⟩       ⟨ = U+FDD0, ⟩ = U+FDD1: noncharacters of Unicode
 *
 * A value between the marks is literal: braces and slashes in it have no meaning, and it is shown as `***`. The marks
 * are in strings, so that they pass every schema; `interpolate` refuses text that holds one already.
 */

const open = '\u{FDD0}';
const close = '\u{FDD1}';
const value = /\u{FDD0}([^\u{FDD1}]*)\u{FDD1}/gu;

/** Stands for a hidden value wherever one is shown. */
export const hidden = '***';

export interface TextPiece {
  readonly text: string;
  /** A reference brought it in. */
  readonly reference: boolean;
}

export function marked(text: string): string {
  return open + text + close;
}

/** Whether a text holds a mark of its own, and so cannot be told from a marked one. */
export function holdsMark(text: string): boolean {
  return text.includes(open) || text.includes(close);
}

/** The pieces of a text in their order. None of them is empty, unless a reference brought in an empty value. */
export function piecesOf(text: string): readonly TextPiece[] {
  if (!text.includes(open)) return text === '' ? [] : [{ text, reference: false }];
  return text
    .split(value)
    .map((piece, place) => ({ text: piece, reference: place % 2 === 1 }))
    .filter((piece) => piece.reference || piece.text !== '');
}

/** The text with the values in it, as it is sent. */
export function plainText(text: string): string {
  return text.includes(open) ? text.replaceAll(value, (_, inner: string) => inner) : text;
}

/** The text with `***` instead of each value. */
export function shownText(text: string): string {
  return text.includes(open) ? text.replaceAll(value, () => hidden) : text;
}
