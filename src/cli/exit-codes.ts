import type { Located } from '../config/checks/config-error.ts';

/** 78 is EX_CONFIG of sysexits.h; 130 and 143 are 128 + SIGINT and 128 + SIGTERM. */
export const exitCodes = { done: 0, failed: 1, usage: 2, configuration: 78, SIGINT: 130, SIGTERM: 143 } as const;

/** A wrong value of a flag is a mistake of the command line; every other finding is one of the configuration. */
export function exitCodeOfFindings(findings: readonly Located[]): number {
  const onlyFlags =
    findings.length > 0 && findings.every(({ file, line }) => line === undefined && file.startsWith('--'));
  return onlyFlags ? exitCodes.usage : exitCodes.configuration;
}

/** A command line with a mistake. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
