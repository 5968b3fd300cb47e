import { createRequire } from 'node:module';

/**
 * The packages that tracing needs, with the versions that it is tested with. They are optional peers of Millrace: a service
 * without tracing installs none of them.
 */
export const tracingPackages = {
  '@opentelemetry/api': '1.9.1',
  '@opentelemetry/exporter-trace-otlp-http': '0.223.1',
  '@opentelemetry/resources': '2.12.1',
  '@opentelemetry/sdk-trace-base': '2.12.1',
} as const;

const own = createRequire(import.meta.url);

/** A message that names the missing packages and how to install them; undefined if all are installed. Loads none of them. */
export function missingTracing(resolve: (name: string) => unknown = own.resolve): string | undefined {
  const missing = Object.keys(tracingPackages).filter((name) => !isInstalled(name, resolve));
  if (missing.length === 0) return undefined;
  const all = Object.entries(tracingPackages).map(([name, version]) => `${name}@${version}`);
  return (
    `needs OpenTelemetry, an optional dependency, and does not find ${missing.join(', ')}; ` +
    `install it beside Millrace: npm install ${all.join(' ')}`
  );
}

function isInstalled(name: string, resolve: (name: string) => unknown): boolean {
  try {
    resolve(name);
    return true;
  } catch (error) {
    // Any other error comes from a package that is installed.
    return !(error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND');
  }
}
