/** The place of a request in a trace that began elsewhere: W3C Trace Context, Level 2. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** The caller's span: 16 digits, not all of them 0. */
  readonly parentId: string;
  /** The bits that are known: SAMPLED and RANDOM. */
  readonly flags: number;
  /** `tracestate`, undefined if there is none. */
  readonly state: string | undefined;
}

export const SAMPLED = 0b01;
/** The trace id is random, so that other systems may sample by it. */
export const RANDOM = 0b10;

type HeaderValue = string | readonly string[] | undefined;

const parentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;

/**
 * Reads the two headers as Node has them. Undefined if there is no `traceparent` or an invalid one: both headers are then
 * ignored. An invalid `tracestate` alone is left out.
 */
export function readTraceContext(parent: HeaderValue, state: HeaderValue): TraceContext | undefined {
  const [, version, traceId = '', parentId = '', flags = '', suffix] = parentPattern.exec(joined(parent)) ?? [];
  if (version === undefined || version === 'ff' || zeros.test(traceId) || zeros.test(parentId)) return undefined;
  // A later version may have more fields; version 00 has none after its flags.
  if (version === '00' && suffix !== undefined) return undefined;
  return { traceId, parentId, flags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM), state: readState(joined(state)) };
}

/** A `traceparent` of version 00. */
export function traceparent(traceId: string, spanId: string, flags: number): string {
  return `00-${traceId}-${spanId}-0${flags}`;
}

/** Several headers of one name are one list (RFC 9110, 5.3). */
function joined(value: HeaderValue): string {
  return typeof value === 'string' ? value : (value ?? []).join(',');
}

const memberPattern = /^[a-z\d][a-z\d_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const maxMembers = 32;
/** The length that every system has to pass on. Without a limit a client could add 16 KB to each call. */
const maxStateLength = 512;
const longMember = 128;

function readState(text: string): string | undefined {
  const members = text
    .split(',')
    .map((member) => member.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  if (members.length > maxMembers || !members.every((member) => memberPattern.test(member))) return undefined;
  const kept = shortened(members);
  return kept === '' ? undefined : kept;
}

/** Removes long members first, then members at the end, which are the oldest (3.3.1.5). */
function shortened(members: readonly string[]): string {
  const kept = [...members];
  for (let index = kept.length - 1; index >= 0 && kept.join(',').length > maxStateLength; index -= 1) {
    if ((kept[index]?.length ?? 0) > longMember) kept.splice(index, 1);
  }
  while (kept.join(',').length > maxStateLength) kept.pop();
  return kept.join(',');
}
