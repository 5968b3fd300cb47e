import type { Clock } from '../../core/time/time.ts';
import { ControlInput } from './control-input.ts';
import { ControlOutput, type ControlSettings } from './control-output.ts';
import type { JoinedOutput } from '../stream/joined-output.ts';
import { Progress } from '../../operator/progress.ts';

/** What a stream with control lines has besides the others. */
export interface ControlSide {
  readonly input: ControlInput;
  readonly output: ControlOutput;
  /** Told the number of each line just before it is emitted. */
  readonly leaving: (seq: number) => void;
}

export interface ControlSideOptions {
  readonly control: ControlSettings | undefined;
  /** Number of the first line of the body. */
  readonly offset: number;
  readonly multiline: boolean;
}

/** Undefined where no control lines are spoken. */
export function controlSide(
  { control, offset, multiline }: ControlSideOptions,
  output: JoinedOutput,
  clock: Clock,
): ControlSide | undefined {
  if (control === undefined) return undefined;
  const progress = new Progress(offset);
  return {
    input: new ControlInput(offset, multiline, progress),
    output: new ControlOutput(control, output, progress, clock),
    leaving: (seq) => progress.emitting(seq),
  };
}
