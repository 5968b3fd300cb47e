/** Bytes of a bad line that its error shows. */
export const excerptBytes = 256;

/** The first `maxBytes` of the bytes as text, cut between two characters; bytes that are not UTF-8 become U+FFFD. */
export function excerpt(bytes: Buffer, maxBytes = excerptBytes): string {
  if (bytes.length <= maxBytes) return bytes.toString('utf8');
  let end = maxBytes;
  while (end > 0 && end > maxBytes - 3 && isContinuation(bytes[end])) end--;
  return bytes.toString('utf8', 0, end);
}

/** The same of a text: at most `maxBytes` in UTF-8. */
export function excerptOfText(text: string, maxBytes = excerptBytes): string {
  // A character takes at least one byte; half a surrogate pair left at the cut stands beyond `maxBytes` as well.
  return excerpt(Buffer.from(text.slice(0, maxBytes), 'utf8'), maxBytes);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
