import type { Secrets } from '../../core/secrets/secrets.ts';
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One JSON object a line, with `level` by name and `time` in ISO 8601. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Where the lines go: standard error, for standard output belongs to data. */
  readonly destination: DestinationStream;
  /** What no line shows. */
  readonly secrets: Secrets;
}

/** Members whose value never reaches the log, wherever they stand down to the third level. */
const secretMembers = [
  'authorization',
  'Authorization',
  '["proxy-authorization"]',
  'cookie',
  '["set-cookie"]',
  '["x-api-key"]',
  'password',
  'token',
  'bearerTokens',
  'secret',
];

const under = (folder: string, member: string): string =>
  member.startsWith('[') ? folder + member : `${folder}.${member}`;

export function createLogger({ level, destination, secrets }: LoggerOptions): Logger {
  return pino(
    {
      level,
      // A process id and a host name say nothing in a container that its log collector does not add.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretMembers.flatMap((member) => [member, under('*', member), under('*.*', member)]),
        censor: '[redacted]',
      },
      hooks: { streamWrite: (line) => withoutSecrets(line, secrets) },
    },
    destination,
  );
}

/** Level and time stand first, and are no secret. */
const head = /^\{"level":"[a-z]+","time":"[^"]*"/;

function withoutSecrets(line: string, secrets: Secrets): string {
  const length = head.exec(line)?.[0].length ?? 0;
  return line.slice(0, length) + secrets.hideInJson(line.slice(length));
}
