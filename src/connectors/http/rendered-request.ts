import { numberText } from '../../core/json/json-number.ts';
import { type Argument, type Arguments, RawJson } from '../../lookup/lookup.ts';
import { hashText, notHashed, type RequestKey } from '../../lookup/coalesce/request-key.ts';

/**
 * A request as it is sent, without the headers of its trace. It is its own key: method, scheme, host and port are the same
 * for all calls of a lookup.
 */
export class RenderedRequest implements RequestKey {
  readonly args: Arguments;
  readonly path: string;
  readonly headers: string[];
  readonly body: string | null;
  hash = notHashed;
  /** Of the answer that the caller has: they are sent as headers. */
  validators: readonly string[] | undefined = undefined;

  constructor(args: Arguments, path: string, headers: string[], body: string | null) {
    this.args = args;
    this.path = path;
    this.headers = headers;
    this.body = body;
  }

  /** A path has no line break, nor has a header. */
  get text(): string {
    return [this.path, ...(this.validators ?? []), '', ...this.headers, '', this.body ?? ''].join('\n');
  }

  equals(other: RequestKey): boolean {
    if (!(other instanceof RenderedRequest)) return false;
    return (
      this.path === other.path &&
      this.body === other.body &&
      areEqual(this.headers, other.headers) &&
      areEqual(this.validators, other.validators)
    );
  }

  /** `constant`: whether all requests have the same headers. */
  hashOf(constant: boolean, seed: number): number {
    let hash = hashText(this.path, seed, seed);
    if (!constant)
      for (let at = 1; at < this.headers.length; at += 2) hash = hashText(this.headers[at] ?? '', hash, seed);
    return this.body === null ? hash : hashText(this.body, hash, seed);
  }
}

/**
 * The hash of a request that has no other argument. The request is made of this text, which is at hand; the text of the
 * request is fresh, and would have to be copied to be read.
 */
export function hashOfArgument(argument: Argument | undefined, seed: number): number {
  // The same text for values that are sent alike: 1, "1" and true, "true".
  if (typeof argument === 'string') return hashText(argument, seed, seed);
  if (typeof argument === 'number') return hashText(numberText(argument), seed, seed);
  return hashText(argument instanceof RawJson ? argument.source : String(argument), seed, seed);
}

function areEqual(some: readonly string[] | undefined, others: readonly string[] | undefined): boolean {
  if (some === others) return true;
  if (some === undefined || others === undefined || some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}
