import type { Logger as MessageLogger } from '../core/logger.ts';
import type { Logger } from './logger.ts';

/** The service's log for the function of a lookup: each line says which lookup it is of. */
export function functionLogger(logger: Logger, lookup: string): MessageLogger {
  return messageLogger(logger.child({ lookup }));
}

/** The service's log for those who say a message first. */
export function messageLogger(logger: Logger): MessageLogger {
  return {
    debug: (message, details = {}) => logger.debug(details, message),
    info: (message, details = {}) => logger.info(details, message),
    warn: (message, details = {}) => logger.warn(details, message),
    error: (message, details = {}) => logger.error(details, message),
  };
}
