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
