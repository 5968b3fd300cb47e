import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { jsonData } from '../../core/options/data-schema.ts';
import { duration, size } from '../../core/options/units.ts';
import { oauth2Options } from './oauth2/oauth2-options.ts';
import { noProxy, proxyOption } from './socket/proxy.ts';
import { addressOptions } from './socket/address-options.ts';

/** What `lookups.NAME.http` takes. */
const template = 'A template: {name} is an argument, encoded for its place; {{ and }} are braces.';

const hourMs = 3_600_000;

const auth = [
  z.strictObject({ bearer: z.string().min(1).describe('Sent as "Authorization: Bearer …".') }),
  z.strictObject({
    basic: z
      .strictObject({
        username: z
          .string()
          .regex(/^[^:]*$/, 'expected a user name without a colon')
          .describe('User name, without a colon.'),
        password: z.string().describe('Password.'),
      })
      .describe('Sent as "Authorization: Basic …" (RFC 7617).'),
  }),
] as const;

const oauth2 = z.strictObject({ oauth2: oauth2Options });

const kinds = ['bearer', 'basic', 'oauth2'];

/** Several kinds are one finding: each of them would be an unknown key beside another one. */
const oneKind = z.superRefine<unknown>(
  (value, context) => {
    // A map without its unknown keys, if it fits a kind but for these.
    const unknown = context.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
    const keys = new Set([...Object.keys(Object(value) as object), ...unknown]);
    const given = kinds.filter((kind) => keys.has(kind));
    if (given.length < 2) return;
    context.issues.length = 0;
    context.addIssue({ code: 'custom', message: `has ${given.join(' and ')}; choose one of ${kinds.join(', ')}` });
  },
  // Called although the value fits no kind.
  { when: () => true },
);

const file = z.string().min(1).nullable().default(null);
const named = (description: string) => file.describe(description).register(grammars, { grammar: 'text' });

export const httpMethod = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']).default('GET');

export const httpOptions = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(`Address to call. ${template} Scheme, host and port are literal; an argument cannot leave its segment.`)
      .register(grammars, { grammar: 'template' }),
    method: httpMethod.describe(
      'HTTP method. A call is sent again, once, if a kept connection turns out to be dead; not for POST and PATCH.',
    ),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .describe(`Headers of the request, name to value. ${template} Control characters are refused.`)
      .register(grammars, { grammar: 'template' }),
    query: z
      .record(z.string(), z.string())
      .default({})
      .describe(`Query parameters, added to those of the url, name to value. ${template}`)
      .register(grammars, { grammar: 'template' }),
    body: jsonData
      .default(null)
      .describe(
        'Body of the request: a JSON structure, in which a string that is exactly "{name}" becomes the JSON value of the argument, and a number keeps its spelling; or text, as a string. null: no body.',
      )
      .register(grammars, { grammar: 'data template' }),
    deadlineHeader: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Name of a header, such as X-Request-Deadline, that says how many milliseconds are left for the call: the shorter of timeout and what is left of the record. null: no such header.',
      )
      .register(grammars, { grammar: 'text' }),
    select: z
      .string()
      .default('')
      .describe('JSON Pointer (RFC 6901) to the part of the answer that is used. Empty: the whole answer.')
      .register(grammars, { grammar: 'pointer' }),
    missStatus: z
      .array(z.int().min(200).max(599))
      .default([404, 204])
      .describe('Statuses that mean "there is no such thing": a miss, not an error.'),
    connections: z
      .int()
      .min(1)
      .max(65_535)
      .default(256)
      .describe(
        'The most connections. They are opened as needed; further calls wait for their turn, and the streams take turns.',
      ),
    maxPause: duration
      .refine((ms) => ms <= hourMs, 'expected a duration from 0s to 1h')
      .prefault('30s')
      .describe(
        'The longest pause of all calls after an answer of 429 with Retry-After, 0s to 1h. 0s: no pause; only the record that got the answer waits, by its retry.',
      ),
    pipelining: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe(
        'Calls that run on one connection at the same time. Above 1 the server has to support HTTP/1.1 pipelining, a slow answer delays later ones, and a call may be sent twice if its connection breaks.',
      ),
    http2: z
      .boolean()
      .default(false)
      .describe('Use HTTP/2: over TLS if the server offers it; over plain http:// always (prior knowledge).'),
    client: z
      .enum(['lean', 'undici'])
      .default('lean')
      .describe(
        "The client of HTTP/1.1: lean is Millrace's own; undici is for a server whose answers lean refuses. HTTP/2 and pipelining above 1 always use undici.",
      ),
    maxResponseBytes: size
      .prefault('1MiB')
      .describe(
        'The largest body of an answer. A larger one is not read to its end and is the error response_too_large.',
      ),
    tls: z
      .strictObject({
        ca: named('PEM file of the authorities that are trusted instead of the default ones.'),
        cert: named('PEM file of the certificate that is shown to the server; needs key.'),
        key: named('PEM file of the private key of cert.'),
      })
      .prefault({})
      .describe('TLS, for https:// addresses. File names are relative to the configuration file.'),
    ...addressOptions,
    proxy: proxyOption
      .default(noProxy)
      .describe(
        'Proxy that the calls go through: http:// or https://, host and port, with user:password@ if it wants credentials. none: no proxy. If the key is left out, HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment decide.',
      ),
    auth: z
      .union([...auth, oauth2])
      .check(oneKind)
      .nullable()
      .default(null)
      .describe(
        'Credentials: {bearer: token}, {basic: {username, password}} or {oauth2: {tokenUrl, clientId, clientSecret}}.',
      )
      .register(grammars, { grammar: 'text' }),
  })
  .describe('Calls an HTTP service that answers in JSON.');

export type HttpOptions = z.infer<typeof httpOptions>;
