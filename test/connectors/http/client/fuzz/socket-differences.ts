import { differences } from './differences.ts';
import type { OracleAnswer } from './oracle.ts';
import type { ReadAnswer } from '../read-answer.ts';
import { own, poisoned, type Scenario, type Seen, type SeenCall } from './socket-play.ts';

/** A kind of scenario in which undici and Millrace show the caller something else, and why that is right. */
interface SocketDifference {
  readonly name: string;
  readonly why: string;
  readonly holds: (ours: Seen, theirs: Seen, scenario: Scenario) => boolean;
}

function sameCall(ours: SeenCall, theirs: SeenCall): boolean {
  return (
    ours.code === theirs.code &&
    (ours.code !== undefined || (ours.status === theirs.status && ours.body === theirs.body))
  );
}

export function isSeenAlike(ours: Seen, theirs: Seen): boolean {
  return (
    sameCall(ours.first, theirs.first) &&
    sameCall(ours.second, theirs.second) &&
    sameCall(ours.third, theirs.third) &&
    ours.reused === theirs.reused
  );
}

/** What Millrace's client promises in every scenario, whatever undici does; undefined if all of it holds. */
export function brokenRule(ours: Seen, { fault }: Scenario): string | undefined {
  const { first, second, third, reused, requests } = ours;
  if (requests.join() !== '/first,/second,/third') return 'each call is sent once';
  if (first.code !== undefined && !['bad_response', 'unreachable'].includes(first.code)) return 'a call ends';
  // HTTP/1.1 has no mark by which any client could tell such an answer from the right one.
  const mayBePoisoned = fault === 'poison after the next request is sent' && reused;
  if (second.body !== (mayBePoisoned ? poisoned : own('/second'))) return 'the next call has its own answer';
  if (third.body !== own('/third')) return 'the call after the next has its own answer';
  return undefined;
}

const readAs = ({ first, reused }: Seen): ReadAnswer => ({
  ...(first.status !== undefined && { status: first.status }),
  body: first.body,
  whole: first.code === undefined,
  reusable: reused,
  ...(first.malformed !== undefined && { malformed: first.malformed }),
});

const oracleOf = ({ first, reused }: Seen): OracleAnswer => ({
  ...(first.status !== undefined && { status: first.status }),
  body: first.body,
  whole: first.code === undefined,
  reusable: reused,
  ...(first.error !== undefined && { error: first.error }),
});

const cutByServer = /ECONNRESET|EPIPE|other side closed|Invalid EOF state/;

/** The first that holds is counted. The last ones are the differences of the bytes alone. */
export const socketDifferences: readonly SocketDifference[] = [
  {
    name: 'cut: a body until close, by a reset',
    why: 'RFC 9112, 8: only the end of the stream completes such a body. undici takes a reset for the end.',
    holds: ({ first }, theirs, { fault }) =>
      fault.startsWith('reset') && /ECONNRESET/.test(first.error ?? '') && theirs.first.code === undefined,
  },
  {
    name: 'bad_response instead of unreachable: undici fails in an assertion, or in a check of its own',
    why: 'The server has answered, in bytes that are no answer: to call it again does not help.',
    holds: ({ first }, theirs) =>
      first.malformed !== undefined &&
      /^AssertionError|bad response|ResponseContentLengthMismatch|InvalidArgument|Data after/.test(
        theirs.first.error ?? '',
      ),
  },
  {
    name: 'bad_response instead of unreachable: the answer is cut after bytes that only Millrace refuses',
    why: 'They are refused when they arrive, so that the end of the connection is not waited for.',
    holds: ({ first }, theirs) => first.malformed !== undefined && cutByServer.test(theirs.first.error ?? ''),
  },
  {
    name: 'kept: a connection after an answer whose trailer names a transfer coding, or speaks of the connection',
    why: 'RFC 9110, 6.5.1: a trailer does neither frame nor route. undici reads on, and refuses the next answer.',
    holds: (ours, theirs, { text }) =>
      ours.reused &&
      /Data after `Connection: close`/.test(theirs.second.error ?? '') &&
      /\r\n0+\r\n(?:.*\r\n)*(?:transfer-encoding|(?:proxy-)?connection):/i.test(text),
  },
  {
    name: 'unreachable instead of bad_response: the answer is cut within a line',
    why: 'Lines are read when they are whole; undici refuses single characters. Neither takes the answer.',
    holds: ({ first }, theirs) =>
      first.code === 'unreachable' && theirs.first.code === 'bad_response' && first.malformed === undefined,
  },
  ...differences.map(({ name, why, holds }) => ({
    name,
    why,
    holds: (ours: Seen, theirs: Seen, { text }: Scenario) => holds(readAs(ours), oracleOf(theirs), text),
  })),
];
