import { RequestError } from '../core/errors.ts';
import { eventStream, type Framing, jsonSequence, ndjson } from '../wire/framing.ts';
import type { StreamSettings } from '../pipeline/pipeline.ts';

/** Names under which one JSON value a line goes about; the first is the one that is answered by default. */
export const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;

/** Media types of a stream's body: NDJSON, RFC 7464, and what curl says where it is told nothing. */
export const streamTypes = [...ndjsonTypes, 'application/json-seq', 'application/x-www-form-urlencoded'] as const;
const recordType = 'application/json';

/** What a body is: records that stand one after the other, or one that stands alone. */
export type BodyFormat =
  | { readonly kind: 'stream'; readonly delimiter: StreamSettings['delimiter']; readonly framing: Framing }
  | { readonly kind: 'record' };

const lines: BodyFormat = { kind: 'stream', delimiter: 'lf', framing: ndjson };
const sequence: BodyFormat = { kind: 'stream', delimiter: 'rs', framing: jsonSequence };

/** How to read a body by its `Content-Type`; none means NDJSON. Throws `unsupported_media_type`. */
export function bodyFormat(contentType: string | undefined): BodyFormat {
  const [type, ...parameters] = mediaType(contentType ?? '');
  if (parameters.some((parameter) => /^charset=(?!"?utf-?8"?$)/.test(parameter))) {
    throw new RequestError('unsupported_media_type', `the body is read as UTF-8 only, not as ${contentType}`);
  }
  if (type === recordType) return { kind: 'record' };
  if (type === 'application/json-seq') return sequence;
  if (type === '' || streamTypes.some((known) => known === type)) return lines;
  throw unsupportedType(type);
}

export function unsupportedType(given = ''): RequestError {
  const read = [...streamTypes, recordType];
  return new RequestError('unsupported_media_type', `${given} is not read; a body may be ${read.join(', ')}`, { read });
}

/** Refuses a body that is compressed: its bytes would be taken for records. */
export function refuseEncoding(contentEncoding: string | undefined): void {
  const encoding = (contentEncoding ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return;
  throw new RequestError('unsupported_encoding', `Content-Encoding ${encoding} is not read; send the body as it is`, {
    read: ['identity'],
  });
}

/**
 * The framing that the client likes best. A wildcard, and no `Accept` at all, give the one of the body.
 * Throws `not_acceptable`.
 */
export function acceptedFraming(accept: string | undefined, ofBody: Framing): Framing {
  for (const range of ranges(accept)) {
    if (range === '*/*' || range === 'application/*') return ofBody;
    if (range === 'text/*' || range === eventStream.mediaType) return eventStream;
    if (range === jsonSequence.mediaType) return jsonSequence;
    if (ndjsonTypes.some((known) => known === range)) return { ...ndjson, mediaType: range };
  }
  const given = [...ndjsonTypes, jsonSequence.mediaType, eventStream.mediaType];
  throw new RequestError('not_acceptable', `Accept is ${accept}; a stream is given as ${given.join(', ')}`, { given });
}

/** Refuses a client that will not take JSON as the answer to its one record. Throws `not_acceptable`. */
export function refuseUnlessJson(accept: string | undefined): void {
  if (ranges(accept).some((range) => range === '*/*' || range === 'application/*' || range === recordType)) return;
  throw new RequestError('not_acceptable', `Accept is ${accept}; one record is given as ${recordType}`, {
    given: [recordType],
  });
}

/** The ranges of an `Accept` (RFC 9110, section 12.5.1) by their weight; what has the weight 0 is left out. */
function ranges(accept: string | undefined): readonly string[] {
  if (accept === undefined || accept.trim() === '') return ['*/*'];
  return accept
    .split(',')
    .map((item) => {
      const [range = '', ...parameters] = mediaType(item);
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight || wildcards(a.range) - wildcards(b.range))
    .map(({ range }) => range);
}

function wildcards(range: string): number {
  return range.split('*').length - 1;
}

function mediaType(text: string): readonly string[] {
  return text.split(';').map((part) => part.trim().toLowerCase());
}
