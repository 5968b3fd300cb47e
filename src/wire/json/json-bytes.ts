import { isJson as isJsonAt, memoryBytes, TEXT, textBytes } from './json-memory.ts';

/**
 * Whether the bytes are one JSON value, with white space around it at the most. May be false for what is valid: nested
 * deeper than 64 levels, or longer than a mebibyte. Whoever asks parses then. That the bytes are UTF-8 is looked at
 * elsewhere.
 */
export function isJson(bytes: Buffer): boolean {
  const { length } = bytes;
  if (length >= textBytes) return false;
  bytes.copy(memoryBytes, TEXT);
  memoryBytes[TEXT + length] = 0;
  return isJsonAt(TEXT, TEXT + length) === 1;
}
