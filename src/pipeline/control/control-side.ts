import type { Clock } from '../../core/time/time.ts';
import { ControlInput } from './control-input.ts';
import { ControlOutput } from './control-output.ts';
import type { JoinedOutput } from '../stream/joined-output.ts';
import { isMultiline, type StreamSettings } from '../stream-settings.ts';
import { Progress } from '../../operator/progress.ts';

/** The parts that only a stream with control lines has. */
export interface ControlSide {
  readonly input: ControlInput;
  readonly output: ControlOutput;
  /** Called with the number of each line just before it is emitted. */
  readonly beforeEmit: (seq: number) => void;
}

/** Undefined if the stream has no control lines. */
export function controlSide(settings: StreamSettings, output: JoinedOutput, clock: Clock): ControlSide | undefined {
  const { control, offset } = settings;
  if (control === undefined) return undefined;
  const progress = new Progress(offset);
  return {
    input: new ControlInput(offset, isMultiline(settings), progress),
    output: new ControlOutput(control, output, progress, clock),
    beforeEmit: (seq) => progress.emitting(seq),
  };
}
