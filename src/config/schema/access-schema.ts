import { z } from 'zod';
import { grammars } from '../../core/options/grammar.ts';
import { canonicalHost } from '../../core/options/host-name.ts';
import { namePattern, wholeNumber } from './values.ts';

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

/** A shorter one could be guessed: 16 characters of Base64 have 96 bits. */
const leastTokenCharacters = 16;
const expectedToken = `expected a token of at least ${leastTokenCharacters} characters, such as \`openssl rand -base64 32\` prints: letters, digits, - . _ ~ + / and, at the end, =`;

/** RFC 6750, section 2.1: nothing else can be sent as a bearer token. */
const token = z
  .string(expectedToken)
  // Helm reads this pattern with RE2, which has no lookahead: the length is a rule of its own.
  .regex(/^[A-Za-z\d\-._~+/]+=*$/, { error: expectedToken, abort: true })
  .min(leastTokenCharacters, expectedToken)
  .register(grammars, { grammar: 'text' });

const expectedName = 'expected a name of letters, digits, _ and -, which starts with a letter';

const namedToken = z.strictObject({
  name: z
    .string(expectedName)
    .regex(namePattern, expectedName)
    .exactOptional()
    .describe('The name of the token, for allow.tokens of a pipeline. Default none.'),
  token: token.describe('The token itself, of at least 16 characters.'),
  limits: z
    .strictObject({
      streams: wholeNumber(1, 1_000_000)
        .exactOptional()
        .describe(
          'Streams, single records and explanations of the token at the same time, 1 to 1000000. A further one is answered with 429. Default: only server.limits.streams.',
        ),
      recordsPerSecond: wholeNumber(1, 1_000_000)
        .exactOptional()
        .describe(
          'Records of all streams of the token in a second, 1 to 1000000; those of a tenth of a second may come at once. Streams above it wait; a single record is answered with 429. Default: no bound.',
        ),
    })
    .exactOptional()
    .describe('What all requests with this token together may use. Default: no bound of its own.'),
});

/** Two tokens that are equal, or have the same name, are one finding, at the second one. */
const different = z.superRefine<readonly unknown[]>(
  (tokens, context) => {
    const seen = new Map<string, number>();
    for (const [index, entry] of tokens.entries()) {
      for (const [text, path, what] of partsOf(entry)) {
        const first = seen.get(`${what} ${text}`);
        seen.set(`${what} ${text}`, first ?? index);
        if (first === undefined) continue;
        const message = `the same ${what} as that of entry ${first + 1} of the list; leave one out, or change it`;
        context.addIssue({ code: 'custom', path: [index, ...path], message });
      }
    }
  },
  {
    // Another finding in the list must not hide this one.
    when: ({ value }) => Array.isArray(value),
  },
);

function partsOf(entry: unknown): readonly (readonly [text: string, path: readonly string[], what: string])[] {
  if (typeof entry === 'string') return entry === '' ? [] : [[entry, [], 'token']];
  const { name, token: text }: { name?: unknown; token?: unknown } =
    typeof entry === 'object' && entry !== null ? entry : {};
  return [
    ...(typeof text === 'string' && text !== '' ? [[text, ['token'], 'token'] as const] : []),
    ...(typeof name === 'string' ? [[name, ['name'], 'name'] as const] : []),
  ];
}

const expectedTokens = 'expected a list of tokens, such as [ "${file:/run/secrets/token}" ]';

/** The tokens of a listener, each a text or a map of this kind. */
const authWith = <Named extends z.ZodObject>(named: Named, shape: string) =>
  z
    .strictObject({
      bearerTokens: z
        .array(z.union([token, named], `expected a token, or ${shape}`), expectedTokens)
        .min(
          1,
          'the list is empty, so no token would be valid; add a token, or leave auth out: then no request needs one',
        )
        .check(different)
        .describe(
          `Each a text, or ${shape}; as \${file:/run/secrets/token} or \${VAR}, so that it is not in the file. Several tokens may be in force, so that clients can change from one to the next. A reload takes over a changed list; running streams go on.`,
        ),
    })
    .exactOptional()
    .describe(
      'Who may use the listener: requests with `Authorization: Bearer TOKEN`. Any other is answered with 401. Default: everybody who reaches the listener.',
    );

/** The tokens of the listener for clients. */
export const auth = authWith(namedToken, '{ name, token, limits }');
/** The tokens of the admin listener, which has no streams to limit. */
export const adminAuth = authWith(namedToken.omit({ limits: true }), '{ name, token }');

const expectedOrigin =
  'expected an origin such as https://app.example.org or http://localhost:3000, without a path, or "*" for all of them';

/** The origin as browsers send it; undefined if the text is none. */
function originOf(text: string): string | undefined {
  if (text === '*') return text;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  const rest = url.username + url.password + url.search + url.hash;
  return url.pathname === '/' && rest === '' && !/[/?#]$/.test(text) ? url.origin : undefined;
}

/** The web pages that one listener takes requests of. */
export const cors = z
  .strictObject({
    origins: z
      .array(
        z
          .string(expectedOrigin)
          .refine((text) => originOf(text) !== undefined, expectedOrigin)
          .overwrite((text) => originOf(text) ?? text),
        'expected a list of origins, such as [https://app.example.org]',
      )
      .default([])
      .describe(
        'The origins (scheme, host and port) whose web pages may use the listener from a browser. "*" stands for all origins and needs auth. Default none: a page of another origin gets 403, whatever it sends.',
      ),
  })
  .describe(
    'The web pages of other origins. Other clients than browsers, and pages of the listener itself, are not concerned.',
  );

/** `*` without `auth` would open the listener to every page that a person on the same network visits. */
export const anyOriginNeedsAuth = z.superRefine<object>(
  (listener, context) => {
    const { auth: tokens, cors: pages }: { auth?: unknown; cors?: { origins?: unknown } } = listener;
    if (tokens !== undefined || !Array.isArray(pages?.origins)) return;
    for (const [index, origin] of pages.origins.entries()) {
      if (origin !== '*') continue;
      const message =
        '"*" lets every web page in, so it needs auth.bearerTokens of the same listener; or list the origins';
      context.addIssue({ code: 'custom', path: ['cors', 'origins', index], message });
    }
  },
  {
    // Another finding in the same listener must not hide this one.
    when: ({ value }) => typeof value === 'object' && value !== null,
  },
);
