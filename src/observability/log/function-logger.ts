import type { Logger as MessageLogger } from '../../core/observer/logger.ts';
import type { Logger } from './logger.ts';

/** The service's log for the function of a lookup: each line says which lookup it is of. */
export function functionLogger(logger: Logger, lookup: string): MessageLogger {
  const child = logger.child({ lookup });
  // A child keeps the level that its parent had when it was made, and a reload may change that one.
  return writing(() => {
    if (child.level !== logger.level) child.level = logger.level;
    return child;
  });
}

/** The service's log for those who say a message first. */
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
