import { type ContentCoding, contentCodings } from '../../core/vocabulary.ts';

/** The codings that a `Content-Encoding` names, in order and in lower case, without `identity`, which changes no byte. */
export function codingsIn(contentEncoding: string): readonly string[] {
  return contentEncoding
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
}

/** The coding with this name in lower case, which may be an old one (RFC 9110, section 8.4.1.3); undefined if it is unknown. */
export function codingOf(name: string): ContentCoding | undefined {
  return name === 'x-gzip' ? 'gzip' : contentCodings.find((known) => known === name);
}

/** The coding whose magic number these bytes begin with: that of gzip (RFC 1952) or of a frame of zstd (RFC 8878). br has none. */
export function codingLikely(bytes: Uint8Array): ContentCoding | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  return bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd ? 'zstd' : undefined;
}
