/** 78 is EX_CONFIG of sysexits.h; 130 and 143 are 128 + SIGINT and 128 + SIGTERM. */
export const exitCodes = { done: 0, failed: 1, usage: 2, configuration: 78, SIGINT: 130, SIGTERM: 143 } as const;

/** A command line with a mistake. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
