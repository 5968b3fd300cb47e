import type { Logger as MessageLogger } from '../../core/observer/logger.ts';
import type { Logger } from './logger.ts';

/** The log of the service for the function of a lookup: each line has the name of the lookup. */
export function functionLogger(logger: Logger, lookup: string): MessageLogger {
  const child = logger.child({ lookup });
  // A child keeps the level that its parent had when the child was made, and a reload may change the parent's level.
  return writing(() => {
    if (child.level !== logger.level) child.level = logger.level;
    return child;
  });
}

/** The log of the service for callers that pass the message first. */
export function messageLogger(logger: Logger): MessageLogger {
  return writing(() => logger);
}

function writing(log: () => Logger): MessageLogger {
  return {
    debug: (message, details = {}) => log().debug(details, message),
    info: (message, details = {}) => log().info(details, message),
    warn: (message, details = {}) => log().warn(details, message),
    error: (message, details = {}) => log().error(details, message),
  };
}
