import type { JsonObject } from '../../../core/json/json.ts';
import type { Journal } from '../lines/journal.ts';
import type { OutputLines } from '../lines/output-lines.ts';
import type { Marks } from '../lines/marks.ts';
import type { Source } from '../input/source.ts';

/** What an engine reads from and writes to. */
export interface Feed {
  readonly source: Source;
  /** The lines that an engine has read from `source`, until their output is complete. */
  readonly journal: Journal;
  readonly marks: Marks;
  /** Receives the output of a stream; `onFatal` receives its `$fatal`. */
  readonly output: (onFatal: (problem: JsonObject) => void) => OutputLines;
  /** Whether more output should be taken. If not, `whenRoom` is. */
  readonly hasRoom: () => boolean;
  /** `resume` is called once, when there is room again. */
  readonly whenRoom: (resume: () => void) => void;
  /** Bytes of output that wait. */
  readonly heldBytes: () => number;
  /** Removes the output after the last checkpoint: its lines come again. */
  readonly rollback: () => void;
  /** Aborted to end at once. */
  readonly signal: AbortSignal;
}

/** Runs the lines of a source through a pipeline. */
export interface Engine {
  /** Records that are under way now; undefined if that is not known. */
  readonly inFlight: number | undefined;
  /** Resolves when the output of every line of the source was passed on. Rejects with the reason of an incomplete end. */
  run(feed: Feed): Promise<void>;
  close(): Promise<void>;
}
