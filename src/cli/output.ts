import { exitCodes } from './exit-codes.ts';
import { thrownMessage } from '../core/thrown.ts';

let failed = false;

/**
 * Output that cannot be written ends no command with a stack. If its reader has gone (`| head`) that is no failure; any
 * other reason, such as a full disk, is reported, and the exit code is 1.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error) => {
    if (failed || isReaderGone(error)) return;
    failed = true;
    process.stderr.write(`millrace: cannot write to standard output: ${thrownMessage(error)}\n`);
    process.exitCode = exitCodeOf(Number(process.exitCode ?? exitCodes.done));
  });
  // There is no place left to report it.
  process.stderr.on('error', () => {});
}

/** The exit code of a command, if its output could be written. */
export function exitCodeOf(code: number): number {
  return failed && code === exitCodes.done ? exitCodes.failed : code;
}

function isReaderGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
