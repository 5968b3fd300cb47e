import { z } from 'zod';
import { grammars } from '../../../core/options/grammar.ts';
import { proxyOption } from '../socket/proxy.ts';
import { duration } from '../../../core/options/units.ts';

/** What `lookups.NAME.http.auth.oauth2` takes. */

const text = (description: string) =>
  z.string().min(1).nullable().default(null).describe(description).register(grammars, { grammar: 'text' });

export const oauth2Options = z
  .strictObject({
    tokenUrl: z
      .string()
      .min(1)
      .describe('Address of the token endpoint, http:// or https://, without a user name.')
      .register(grammars, { grammar: 'text' }),
    clientId: z.string().min(1).describe('Identifier of this client.').register(grammars, { grammar: 'text' }),
    clientSecret: z.string().min(1).describe('Secret of this client.').register(grammars, { grammar: 'text' }),
    scope: text('Scopes, divided by spaces. null: those that the server chooses.'),
    audience: text('For which service the token is, at servers that ask for it (Auth0, for example). null: not sent.'),
    parameters: z
      .record(z.string(), z.string())
      .default({})
      .describe('Further parameters of the request, name to value, such as resource.')
      .register(grammars, { grammar: 'text' }),
    authMethod: z
      .enum(['basic', 'post'], 'expected basic or post')
      .default('basic')
      .describe(
        'How the client proves who it is: basic: by an Authorization header, which every server supports (RFC 6749, 2.3.1); post: by parameters of the request.',
      ),
    proxy: proxyOption
      .nullable()
      .default(null)
      .describe(
        'Proxy for the requests for tokens, as http.proxy. null: that of the lookup, or, if it is left out there as well, that of the environment for tokenUrl.',
      ),
    timeout: duration
      .refine((ms) => ms >= 1 && ms <= 3_600_000, 'expected a duration from 1ms to 1h')
      .prefault('10s')
      .describe('The time of one request for a token, 1ms to 1h. Calls wait for it, so it bounds their wait.'),
  })
  .describe(
    'Sent as "Authorization: Bearer …", with a token that the token endpoint gives for the credentials of this client (RFC 6749, 4.4).',
  );

export type OAuth2Options = z.infer<typeof oauth2Options>;
