import type { OnError, PipelineConfig } from '../config/schema/schema.ts';
import type { RecordGate } from '../core/call/record-rate.ts';
import type { RequestError } from '../core/errors.ts';
import { parsePointer } from '../core/json/json-pointer.ts';
import type { CallTrace } from '../core/observer/tracing.ts';
import { type Framing, ndjson } from '../wire/lines/framing.ts';
import type { LineSplitterOptions } from '../wire/lines/line-splitter.ts';
import type { MetaField } from '../core/vocabulary.ts';

/** A checkpoint is due when this many lines have come out since the last one, or this long after the first of them. */
export type CheckpointEvery = { readonly lines: number } | { readonly ms: number };

export interface ControlSettings {
  /** Undefined: only when the service drains, and before a cut. */
  readonly checkpoint: CheckpointEvery | undefined;
  /** The value of `$fatal` for an error. */
  readonly problem: (error: RequestError) => object;
}

/**
 * Everything that one stream is run with, in one object from the request to the operator: the pipeline's configuration
 * first (`Pipeline.settings`), then what the request overrides.
 */
export interface StreamSettings extends Pick<PipelineConfig, 'mode' | 'onInvalid' | 'onMiss' | 'explode'> {
  /** Slots, at least 1. */
  readonly capacity: number;
  /** Milliseconds for one record over all its attempts, 0 for no bound. */
  readonly timeoutMs: number;
  readonly onError: OnError;
  readonly meta: readonly MetaField[];
  /** Tokens of the place of the key, for mode `keyed`. */
  readonly key: readonly string[] | undefined;
  /** The longest line in bytes, its terminator not counted. */
  readonly lineBytes: number;
  readonly delimiter: LineSplitterOptions['delimiter'];
  readonly framing: Framing;
  /** Undefined: `$` lines are records like any other. */
  readonly control: ControlSettings | undefined;
  /** Number of the first line of the body. */
  readonly offset: number;
  /** The trace that the stream belongs to, for its calls. */
  readonly trace: CallTrace | undefined;
  /** Bounds the records in a second, for all streams of a token; undefined for no bound. */
  readonly rate: RecordGate | undefined;
  /** Turns of the stream in each round of the streams that wait at a limit. */
  readonly weight: number;
  /**
   * One record that stands alone: it may have several lines, and the wait of its first call at a limit counts against
   * `timeoutMs` (semantics C7).
   */
  readonly single: boolean;
}

/** The settings of a stream whose request overrides none. */
export function defaultSettings(config: PipelineConfig, lineBytes: number): StreamSettings {
  const { mode, capacity, timeout, key, onError, onInvalid, onMiss, explode, meta, weight } = config;
  return {
    mode,
    capacity,
    timeoutMs: timeout,
    key: key === undefined ? undefined : parsePointer(key),
    onError,
    onInvalid,
    onMiss,
    explode,
    meta,
    lineBytes,
    delimiter: 'lf',
    framing: ndjson,
    control: undefined,
    offset: 0,
    trace: undefined,
    rate: undefined,
    weight,
    single: false,
  };
}

/** Whether a record may hold line breaks between its tokens: they are removed, so that it stays on one line. */
export function isMultiline({ single, delimiter }: StreamSettings): boolean {
  return single || delimiter === 'rs';
}
