import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzip,
  zstdCompress,
  zstdDecompressSync,
} from 'node:zlib';
import type { Guard } from '../../core/guard.ts';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { zstdWindow } from './engines.ts';
import { StreamDecoder } from './stream-decoder.ts';

/** Why a body cannot be decoded. `large`: it is decoded to more bytes than are wanted. */
export class UndecodedBody extends Error {
  override readonly name = 'UndecodedBody';
  readonly kind: 'damaged' | 'large';

  constructor(kind: UndecodedBody['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A body of this many bytes, coded and decoded, is decoded at once: a trip to another thread would take as long. */
const AT_ONCE_BYTES = 32 * 1024;

/**
 * With `info` a function of node:zlib returns its engine as well, which the types of Node.js do not say.
 * Borrowed (docs/dependencies.md): Node documents `info` for the functions of gzip only.
 */
interface WithEngine {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

const atOnce = {
  gzip: (body, maxOutputLength) => gunzipSync(body, { maxOutputLength, info: true }) as unknown as WithEngine,
  br: (body, maxOutputLength) => brotliDecompressSync(body, { maxOutputLength, info: true }) as unknown as WithEngine,
  zstd: (body, maxOutputLength) =>
    zstdDecompressSync(body, { ...zstdWindow, maxOutputLength, info: true }) as unknown as WithEngine,
} satisfies Record<ContentCoding, (body: Buffer, maxOutputLength: number) => WithEngine>;

/**
 * The decoded body, if that takes little time; undefined: use `decodeLater`, which finds the fault of a damaged body, and
 * reads one of several parts.
 */
export function decodeAtOnce(coding: ContentCoding, body: Buffer): Buffer | undefined {
  if (body.byteLength > AT_ONCE_BYTES) return undefined;
  try {
    const { buffer, engine } = atOnce[coding](body, AT_ONCE_BYTES);
    return engine.bytesWritten === body.byteLength ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/** Decodes on another thread. The body must not change meanwhile. Rejects with UndecodedBody. */
export function decodeLater(coding: ContentCoding, body: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const guard: Guard =
      (work) =>
      (...args) => {
        try {
          work(...args);
        } catch (error) {
          decoder.close();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
    const decoder = new StreamDecoder(
      { coding, maxRatio: Infinity, guard },
      {
        data(chunk) {
          bytes += chunk.byteLength;
          chunks.push(chunk);
          if (bytes > maxBytes) throw new UndecodedBody('large', `it is decoded to more than ${maxBytes} bytes`);
        },
        hungry: () => decoder.end(),
        end: () => resolve(Buffer.concat(chunks, bytes)),
        failed: ({ message }) => reject(new UndecodedBody('damaged', message)),
      },
    );
    decoder.write(body);
  });
}

const wholeEncoders = {
  gzip: (body) => promisify(gzip)(body, { level: 1 }),
  br: (body) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: (body) => promisify(zstdCompress)(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
} satisfies Record<ContentCoding, (body: Buffer) => Promise<Buffer>>;

export async function encodeWhole(coding: ContentCoding, body: Buffer): Promise<Buffer> {
  return wholeEncoders[coding](body);
}
