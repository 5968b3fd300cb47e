import { closeSync, openSync, readSync } from 'node:fs';

/** The longest file that a configuration refers to: a secret, a certificate or a query has a few kilobytes. */
export const mostReferenceBytes = 1024 ** 2;

const chunkBytes = 65_536;

/**
 * The text of a file, which may be a pipe. Throws if it cannot be read, is not UTF-8, or is larger than `mostBytes`
 * (an endless device, for example). A byte-order mark is part of the text.
 */
export function readText(file: string | number, mostBytes: number): string {
  const descriptor = typeof file === 'number' ? file : openSync(file, 'r');
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      bytes += read;
      if (bytes > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    }
  } finally {
    if (typeof file !== 'number') closeSync(descriptor);
  }
  return decoded(Buffer.concat(chunks));
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8');
  }
}
