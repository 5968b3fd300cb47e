import { Watermark } from '../../operator/watermark.ts';

/** A `$watermark` line on its way through the operator: its value is the line itself, which comes out as it came in. */
export class BarrierLine extends Watermark<string> {
  readonly seq: number;

  constructor(seq: number, line: string) {
    super(line);
    this.seq = seq;
  }
}
