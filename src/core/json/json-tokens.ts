const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Index of the quote that closes the JSON string that opens at `open`, or -1 if none does. The time is linear in the
 * length of the string, however many escapes it has.
 */
export function closingQuote(text: string, open: number): number {
  const quote = text.indexOf('"', open + 1);
  if (quote < 0 || text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
  return closingQuoteFrom(text, text.indexOf('\\', open + 1));
}

/** The same from an index inside the string that is not part of an escape. */
export function closingQuoteFrom(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return -1;
}

export function isJsonSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
