import { expect, test } from 'vitest';
import { missingTracing, tracingPackages } from '../../../src/observability/tracing/tracing-packages.ts';

function resolving(...there: readonly string[]) {
  return (name: string): string => {
    if (there.includes(name)) return `/node_modules/${name}/index.js`;
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  };
}

function unexported(): never {
  throw Object.assign(new Error('No "exports" main defined'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
}

const command =
  'npm install @opentelemetry/api@1.9.1 @opentelemetry/exporter-trace-otlp-http@0.223.1 @opentelemetry/resources@2.12.1 @opentelemetry/sdk-trace-base@2.12.1';

test('nothing is missing if the packages are installed, as they are here', () => {
  expect(missingTracing()).toBeUndefined();
  expect(missingTracing(resolving(...Object.keys(tracingPackages)))).toBeUndefined();
});

test('without the packages the message has the command that installs all of them', () => {
  const message = missingTracing(resolving());
  expect(message).toContain(`does not find ${Object.keys(tracingPackages).join(', ')};`);
  expect(message?.endsWith(command)).toBe(true);
});

test('if one of them is missing, the message names it', () => {
  const there = Object.keys(tracingPackages).filter((name) => !name.endsWith('/resources'));
  const message = missingTracing(resolving(...there));
  expect(message).toContain('does not find @opentelemetry/resources;');
  expect(message?.endsWith(command)).toBe(true);
});

test('a package that cannot be resolved for another reason counts as installed', () => {
  expect(missingTracing(unexported)).toBeUndefined();
});
