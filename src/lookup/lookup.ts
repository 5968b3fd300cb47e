import type { CallContext } from '../core/call/call-context.ts';
import type { Gate } from '../core/call/gate.ts';
import type { LifetimeFields } from '../core/call/known-answer.ts';
import type { RecordError } from '../core/errors.ts';
import type { LayerGauges } from '../core/observer/observer.ts';
import { parseJson, type JsonValue } from '../core/json/json.ts';
import { isHeldByNumber } from '../core/json/json-number.ts';
import type { Service } from './service.ts';

export type { Service };
export type Layer<Req, Res> = (inner: Service<Req, Res>) => Service<Req, Res>;

/** The result of one of many requests. A failure is a value, because the other requests have their own replies. */
export type Reply<Res> = Res | RecordError;

/**
 * A service that takes many requests in one call: one reply for each, in the order of the requests. An error
 * that it throws, or rejects with, is the failure of all requests.
 */
export type ManyService<Req, Res> = (
  requests: readonly Req[],
  context: CallContext,
) => readonly Reply<Res>[] | Promise<readonly Reply<Res>[]>;

/** An entry in the list of layers of a lookup: a layer with its name, its gauges and its end. */
export interface LayerEntry<Req, Res> {
  /** As in the configuration. `/state` shows the gauges of the layer under this name. */
  readonly name: string;
  readonly layer: Layer<Req, Res>;
  /**
   * What a call above this layer waits for, if a call below it waits for `inner`; undefined: for nothing. The layer
   * `limit` waits for the gate of all layers below it. A call is made in the turn of the event loop in which it is open.
   */
  gate?(inner: Gate | undefined): Gate | undefined;
  /** The text under which the layer stores the answer of a request. */
  key?(request: Req): string;
  /** Milliseconds until a call that comes now could begin, as far as it is known; 0 if it is not. */
  turnMs?(): number;
  /** Read whenever `/metrics` or `/state` is read, until the lookup closes. */
  gauges?(): LayerGauges;
  /** Called once, when the lookup closes, before its connector closes. Calls that wait in the layer are rejected. */
  close?(): void;
}

/** The entry that makes a service for one request of a service for many. */
export interface BatchEntry<Req, Res> extends Omit<LayerEntry<Req, Res>, 'layer'> {
  /** Called once. */
  over(many: ManyService<Req, Res>): Service<Req, Res>;
}

/** Puts layers around a service. The first layer of the list gets the request first. */
export function stack<Req, Res>(service: Service<Req, Res>, ...layers: readonly Layer<Req, Res>[]): Service<Req, Res> {
  return layers.reduceRight((inner, layer) => layer(inner), service);
}

/**
 * An argument whose JSON text has to be kept: an object, an array, or a number that JavaScript would spell differently
 * (`1.10`, `1e2`, `12345678901234567890`). No white space stands before or after it.
 */
export class RawJson {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** The value for a program. A number that JavaScript does not have (`isHeldByNumber`) becomes a text. */
  get value(): JsonValue {
    return parseJson(this.source.replaceAll(stringOrNumber, exactOrText));
  }
}

const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

function exactOrText(token: string): string {
  return token.startsWith('"') || isHeldByNumber(token) ? token : `"${token}"`;
}

export type Argument = string | number | boolean | RawJson;
export type Arguments = Readonly<Record<string, Argument>>;

/** What a far end says about storing one answer. Durations are milliseconds from its arrival. */
export interface Freshness {
  /** False: it must not be stored. */
  readonly store: boolean;
  /** How long it is fresh; undefined if the far end does not say. */
  readonly freshMs: number | undefined;
  /** How long it may be used after that, while a new one is fetched, or if that fails; undefined if the far end does not say. */
  readonly staleWhileRevalidateMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
  /** See KnownAnswer; empty if the far end cannot confirm it. */
  readonly validators: readonly string[];
  /** See KnownAnswer; empty if the far end cannot confirm it. */
  readonly lifetime: LifetimeFields;
}

export type AnswerSource = 'call' | 'cache' | 'stale';

/** The answer of a lookup: JSON text on one line, or undefined if it has no answer (a miss). */
export class Answer {
  readonly json: string | undefined;
  readonly source: AnswerSource;
  /** Calls made for it, the first one included; 0 if no call was made. */
  readonly attempts: number;
  /** What the far end says about storing it; undefined if it says nothing, or is not read. */
  readonly freshness: Freshness | undefined;

  constructor(json: string | undefined, attempts = 1, source: AnswerSource = 'call', freshness?: Freshness) {
    this.freshness = freshness;
    this.json = json;
    this.source = source;
    this.attempts = attempts;
  }
}

/**
 * Answers that depend on nothing but the argument of the request and a version, so that a user may keep them. A kept
 * answer counts as a call.
 */
export interface KeepableAnswers {
  /** Changes whenever answers may have changed. */
  readonly version: number;
  /** The answer to a request whose only argument is this one. Not counted as a call. Throws what the call would throw. */
  find(argument: Argument): Answer;
  /** Counts requests that kept answers have answered; `misses` of them are misses. */
  answered(requests: number, misses: number): void;
}

export type LookupService = Service<Arguments, Answer>;
export type ManyLookupService = ManyService<Arguments, Answer>;
export type LookupLayer = Layer<Arguments, Answer>;
export type LookupLayerEntry = LayerEntry<Arguments, Answer>;
