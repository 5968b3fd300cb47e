import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { LogOutput } from '../../../src/observability/log/log-output.ts';

/** A stream that takes every line at once, like a terminal. */
function terminal() {
  return Object.assign(new PassThrough({ encoding: 'utf8' }), { fd: 2, isTTY: true });
}

test.each([
  [
    'throws',
    () => {
      throw new Error('replaced');
    },
  ],
  ['drops its input', () => true],
])('lines are written when a module has replaced the stream’s write with one that %s', async (_what, write) => {
  const stream = terminal();
  const output = new LogOutput(stream);
  Object.assign(stream, { write });
  output.write('a line\n');
  await output.flushed();
  expect([stream.read(), output.lost]).toEqual(['a line\n', 0]);
});
