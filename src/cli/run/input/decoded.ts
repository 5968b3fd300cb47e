import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** How a file is compressed, by its name. */
export type Compression = 'gzip' | 'zstd';

export function compressionOf(name: string): Compression | undefined {
  if (name.endsWith('.gz')) return 'gzip';
  return name.endsWith('.zst') ? 'zstd' : undefined;
}

/**
 * The decoded bytes of a compressed file: of all members of a gzip file, of all frames of a zstd file. Throws the error of
 * the decoder if the file ends early, or if other bytes follow a member or a frame.
 */
export async function* decoded(source: AsyncIterable<Buffer>, compression: Compression): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let first = await chunks.next();
    do {
      const decoder: Transform = compression === 'gzip' ? createGunzip() : createZstdDecompress();
      const feeding = feed(decoder, first.done === true ? undefined : first.value, chunks);
      // The decoder reports the same error.
      feeding.catch(() => {});
      yield* outputOf(decoder);
      const behind = await feeding;
      first = behind === undefined ? { done: true, value: undefined } : { done: false, value: behind };
    } while (first.done !== true);
  } finally {
    await chunks.return?.();
  }
}

/** The bytes of a decoder, also those before an error, which an iterator of the decoder would drop. */
async function* outputOf(decoder: Transform): AsyncGenerator<Buffer> {
  let ready: Buffer[] = [];
  let wake = ignore;
  decoder.on('data', (bytes: Buffer) => {
    ready.push(bytes);
    decoder.pause();
    wake();
  });
  decoder.once('end', () => wake()).once('close', () => wake());
  // The error is read from `errored`.
  decoder.on('error', () => {});
  try {
    for (;;) {
      const bytes = ready;
      ready = [];
      yield* bytes;
      if (ready.length > 0) continue;
      if (decoder.errored !== null) throw decoder.errored;
      if (decoder.destroyed || decoder.readableEnded) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        decoder.resume();
      });
    }
  } finally {
    decoder.destroy();
  }
}

const ignore = (): void => {};

/** Writes chunks until they end, or until the decoder has read the last byte of a frame. Resolves with the bytes behind it. */
async function feed(
  decoder: Transform & { readonly bytesWritten?: number },
  first: Buffer | undefined,
  chunks: AsyncIterator<Buffer>,
): Promise<Buffer | undefined> {
  let given = 0;
  let over = false;
  const closed = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
    };
    decoder.once('end', end).once('close', end);
  });
  try {
    for (let chunk = first; chunk !== undefined; chunk = (await chunks.next()).value as Buffer | undefined) {
      given += chunk.length;
      const written = new Promise<void>((resolve) => decoder.write(chunk, () => resolve()));
      await Promise.race([written, closed]);
      if (decoder.destroyed && decoder.errored !== null) return undefined;
      // The decoder of zstd ends with a frame if more bytes follow it in the same chunk, and does not read those.
      const behind = given - (decoder.bytesWritten ?? given);
      if (!over && behind === 0) continue;
      return behind === 0 ? undefined : chunk.subarray(chunk.length - behind);
    }
  } catch (error) {
    decoder.destroy(error as Error);
    throw error;
  }
  decoder.end();
  return undefined;
}
