import { z } from 'zod';
import { canonicalHost } from '../../core/options/host-name.ts';

const expectedHost =
  'expected a host without scheme and port, such as millrace.example.org, *.example.org, 10.0.0.5 or ::1';

/** The text as `canonicalHost` spells it; `*.` at the start stays, and an IPv6 address may have no brackets. */
function hostPattern(text: string): string | undefined {
  if (text.startsWith('*.')) {
    const domain = canonicalHost(text.slice(2));
    return domain === undefined || /^\[|\*|^[\d.]+$/.test(domain) ? undefined : `*.${domain}`;
  }
  const host = canonicalHost(text.includes(':') && !text.startsWith('[') ? `[${text}]` : text);
  return host?.includes('*') === true ? undefined : host;
}

export const allowedHosts = z
  .array(
    z
      .string(expectedHost)
      .refine((text) => hostPattern(text) !== undefined, expectedHost)
      .overwrite((text) => hostPattern(text) ?? text),
    'expected a list of hosts, such as [millrace.example.org, localhost]',
  )
  .min(1, 'expected at least one host; leave allowedHosts out for the default')
  .exactOptional()
  .describe(
    'The hosts that a request may name (`Host`), with any port: names, *.example.org for all names below it, addresses. Another host is answered with 421 on both listeners, except /livez and /readyz. Default: on a loopback address `localhost` and the loopback addresses, so that no web page reaches the service under a name of its own; on another address no check.',
  );
