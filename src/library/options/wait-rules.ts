import { isCheckpoint } from '../checkpoint/checkpoint.ts';
import { hasMethods, isObject, isWhole, type OptionRule, type OptionRules } from './option-rules.ts';
import { isStrategy } from './retry-strategies.ts';

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isSignal(value: unknown): boolean {
  return (
    hasMethods(value, 'addEventListener', 'removeEventListener') && typeof Reflect.get(value, 'aborted') === 'boolean'
  );
}

const common = {
  timeout: {
    rule: 'milliseconds, a number of at least 0, 0 for none',
    required: true,
    holds: (value) => typeof value === 'number' && value >= 0,
  },
  capacity: { rule: 'a whole number of at least 1', holds: (value) => isWhole(value, 1) },
  signal: { rule: 'an AbortSignal', holds: isSignal },
  clock: { rule: 'a Clock, with methods now and setTimer', holds: (value) => hasMethods(value, 'now', 'setTimer') },
  taskName: { rule: 'a text that is not empty', holds: (value) => typeof value === 'string' && value !== '' },
  parameters: { rule: 'an object', holds: isObject },
  metrics: {
    rule: 'a MetricGroup, with methods counter, gauge, histogram and group',
    holds: (value) => hasMethods(value, 'counter', 'gauge', 'histogram', 'group'),
  },
  logger: {
    rule: 'a Logger, with methods debug, info, warn and error',
    holds: (value) => hasMethods(value, 'debug', 'info', 'warn', 'error'),
  },
  endOfInput: {
    rule: '"finishRetries" or "lastAttempt"',
    holds: (value) => value === 'finishRetries' || value === 'lastAttempt',
  },
  onError: { rule: 'a function (error, input) => values', holds: isFunction },
  checkpointEvery: { rule: 'a whole number of records of at least 1', holds: (value) => isWhole(value, 1) },
  onCheckpoint: { rule: 'a function (checkpoint) => void', holds: isFunction },
  resumeFrom: {
    rule: 'a Checkpoint, { next, pending: [{ seq, input }, …] }',
    holds: isCheckpoint,
  },
} satisfies OptionRules;

const key = { rule: 'a function (input) => text', required: true, holds: isFunction } satisfies OptionRule;

const retryStrategy = {
  rule: 'an AsyncRetryStrategy, such as AsyncRetryStrategies.fixedDelay returns',
  required: true,
  holds: isStrategy,
} satisfies OptionRule;

/** The options that one of the six functions takes: all take those of `common`, some a key, some a strategy. */
export function waitRules(keyed: boolean, retried: boolean): OptionRules {
  return { ...common, ...(keyed ? { key } : {}), ...(retried ? { retryStrategy } : {}) };
}
