import type { Finding } from '../core/finding.ts';
import { type Loaded, type PartialConfig, readConfig, type Reading } from '../config/load.ts';
import { missingTracing } from '../observability/tracing/tracing-packages.ts';
import { checkPipelines } from '../pipeline/check.ts';

/** The options that every command with a configuration takes. */
export interface ConfigFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly adminHost?: string;
  readonly adminPort?: string;
  readonly logLevel?: string;
}

const places = {
  host: 'server.host',
  port: 'server.port',
  adminHost: 'server.admin.host',
  adminPort: 'server.admin.port',
  logLevel: 'server.log.level',
} as const satisfies Partial<Record<keyof ConfigFlags, string>>;

/** Loads the configuration that a command line names. Throws ConfigError with every mistake. */
export function settingsOf(flags: ConfigFlags): Loaded {
  return readingOf(flags).finish();
}

/** The same for a command that does not listen: the files and directories of `server` may be on another machine. */
export function settingsWithoutTls(flags: ConfigFlags): Loaded {
  return readingOf(flags, false).finish();
}

/** As `settingsOf`, but mistakes are thrown only by `finish`. */
export function readingOf(flags: ConfigFlags, listens = true): Reading {
  const values: Record<string, string> = {};
  for (const [flag, place] of Object.entries(places)) {
    const value = flags[flag as keyof typeof places];
    if (value !== undefined) values[place] = value;
  }
  return readConfig({ file: flags.config, flags: values, checks: [checkPipelines, checkTracing], listens });
}

/** Reports a section `tracing` without the packages that it needs. */
function checkTracing({ traced }: PartialConfig): readonly Finding[] {
  const message = traced ? missingTracing() : undefined;
  return message === undefined ? [] : [{ path: ['tracing'], place: 'key', message }];
}
