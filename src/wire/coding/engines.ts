import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
} from 'node:zlib';
import type { ContentCoding } from '../../core/vocabulary.ts';

/** A compressor or a decompressor of Node.js. It works on the threads of libuv. */
export type Engine = ReturnType<(typeof decoders)[ContentCoding]> | ReturnType<(typeof encoders)[ContentCoding]>;

/**
 * Bytes of output that an engine makes in one trip to another thread. A paused engine stops after one such piece,
 * because its stream holds no more than that.
 */
const PIECE_BYTES = 64 * 1024;
const decoding = { chunkSize: PIECE_BYTES, readableHighWaterMark: PIECE_BYTES };

/** Windows of 8 MiB at most: what RFC 8878 (section 3.1.1.1.2) asks of every decoder. `zstd --ultra` and `--long` may make larger ones. */
export const zstdWindow = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/** An engine without `finishFlush`: that option would hide a body that breaks off. */
export const decoders = {
  gzip: () => createGunzip(decoding),
  br: () => createBrotliDecompress(decoding),
  zstd: () => createZstdDecompress({ ...decoding, ...zstdWindow }),
} satisfies Record<ContentCoding, () => unknown>;

/** Each write is flushed: a write and a flush of its own would be two trips to another thread. */
export const encoders = {
  gzip: () => createGzip({ level: 1, flush: constants.Z_SYNC_FLUSH }),
  br: () =>
    createBrotliCompress({
      params: { [constants.BROTLI_PARAM_QUALITY]: 4 },
      flush: constants.BROTLI_OPERATION_FLUSH,
    }),
  zstd: () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 }, flush: constants.ZSTD_e_flush }),
} satisfies Record<ContentCoding, () => unknown>;
