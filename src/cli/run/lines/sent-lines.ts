import { type Block, lineEnd, lineKinds } from './block.ts';
import type { KeptLine, Journal } from './journal.ts';
import type { Marks } from './marks.ts';

/** The line that names the checkpoint from which a stream goes on, and the pending lines behind it. */
export function resumeBytes({ resume }: Journal, marks: Marks): Buffer {
  const { checkpoint, pending } = resume;
  const head = Buffer.from(`${JSON.stringify({ $resume: checkpoint })}\n`);
  return Buffer.concat([head, ...pending.map((line) => keptBytes(line, marks))]);
}

function keptBytes({ bytes }: KeptLine, marks: Marks): Buffer {
  return marks.mayMark(bytes) ? Buffer.from(marks.marked(bytes.toString('latin1')), 'latin1') : bytes;
}

/**
 * The bytes of a block that are sent, from line `next` on: an empty line for each line that was not chosen. The result
 * is the caller's, also if nothing is changed.
 */
export function sentBytes(block: Block, next: number, marks: Marks): Buffer {
  const { bytes, starts, kinds, firstSeq } = block;
  const first = Math.max(0, next - firstSeq);
  if (first >= starts.length) return Buffer.alloc(0);
  const rest = bytes.subarray(starts[first]);
  const mayMark = marks.mayMark(rest);
  if (!mayMark && !kinds.includes(lineKinds.blank)) return Buffer.from(rest);
  const parts: string[] = [];
  for (let index = first; index < starts.length; index += 1) {
    const line = bytes.toString('latin1', starts[index], lineEnd(block, index));
    if (kinds[index] === lineKinds.blank) parts.push('\n');
    else parts.push(mayMark && kinds[index] === lineKinds.record ? marks.marked(line) : line);
  }
  return Buffer.from(parts.join(''), 'latin1');
}
