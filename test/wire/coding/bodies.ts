import {
  brotliCompressSync,
  brotliDecompressSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import type { ContentCoding } from '../../../src/core/vocabulary.ts';

export const coded: Record<ContentCoding, (body: string | Buffer) => Buffer> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body),
  zstd: (body) => zstdCompressSync(body),
};

export const decoded: Record<ContentCoding, (body: Buffer) => Buffer> = {
  gzip: (body) => gunzipSync(body),
  br: (body) => brotliDecompressSync(body),
  zstd: (body) => zstdDecompressSync(body),
};

/** A skippable frame of zstd (RFC 8878, section 3.1.2) with these bytes. */
export function skippable(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a53);
  head.writeUInt32LE(bytes.byteLength, 4);
  return Buffer.concat([head, bytes]);
}
