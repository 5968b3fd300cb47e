import type { LogLevel } from '../../core/vocabulary.ts';
import { secretLogMembers } from '../../core/secrets/secret-names.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';

/** One JSON object a line, with `level` by name and `time` in ISO 8601. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where the lines are written: standard error, because standard output is for data. */
  readonly destination: DestinationStream;
  /** The values that no line shows. */
  readonly secrets: Secrets;
}

/** Paths of members whose value is never written, down to the third level. */
const secretPaths = secretLogMembers
  .map((name) => `["${name}"]`)
  .flatMap((member) => [member, `*${member}`, `*.*${member}`]);

export function createLogger({ level, destination, secrets }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // A line has no process id and no host name: in a container the log collector adds them.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretPaths,
        censor: '[redacted]',
      },
      hooks: { streamWrite: (line) => withoutSecrets(line, secrets) },
    },
    destination,
  );
}

/** Level and time are first, and are not secret. */
const head = /^\{"level":"[a-z]+","time":"[^"]*"/;

function withoutSecrets(line: string, secrets: Secrets): string {
  const length = head.exec(line)?.[0].length ?? 0;
  return line.slice(0, length) + secrets.hideInJson(line.slice(length));
}
