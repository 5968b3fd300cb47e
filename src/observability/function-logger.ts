import type { Logger as FunctionLogger } from '../core/logger.ts';
import type { Logger } from './logger.ts';

/** The service's log for the function of a lookup: each line says which lookup it is of. */
export function functionLogger(logger: Logger, lookup: string): FunctionLogger {
  const child = logger.child({ lookup });
  return {
    debug: (message, details = {}) => child.debug(details, message),
    info: (message, details = {}) => child.info(details, message),
    warn: (message, details = {}) => child.warn(details, message),
    error: (message, details = {}) => child.error(details, message),
  };
}
