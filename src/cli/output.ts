import { exitCodes } from './exit-codes.ts';
import { thrownMessage } from '../core/thrown.ts';

let failed = false;

/**
 * Handles output that cannot be written, which would end the command with a stack. It is no failure if the reader has
 * gone (`| head`). Any other reason, such as a full disk, is reported, and the exit code is 1.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error) => {
    if (failed || isReaderGone(error)) return;
    failed = true;
    process.stderr.write(`millrace: cannot write to standard output: ${thrownMessage(error)}\n`);
    process.exitCode = exitCodeOf(Number(process.exitCode ?? exitCodes.done));
  });
  // Without stderr there is no place to report a failure.
  process.stderr.on('error', () => {});
}

/** The exit code of a command: `code`, or 1 if the command succeeded but its output could not be written. */
export function exitCodeOf(code: number): number {
  return failed && code === exitCodes.done ? exitCodes.failed : code;
}

function isReaderGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
