import { Cancellation } from '../../../core/call/cancellation.ts';
import { RecordError } from '../../../core/errors.ts';
import { timeout } from '../../../lookup/timeout.ts';
import type { AnswerHead } from '../client/answer-head.ts';
import { type AnswerRules, refusalOfProxy } from '../http-answer.ts';
import { HttpCall, type HttpCalls } from '../http-call.ts';
import type { OAuth2Options } from './oauth2-options.ts';
import { type AccessToken, readToken } from './token-answer.ts';

/** The place of a token endpoint. */
interface TokenPlace {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** For messages: without the query, which may hold a secret. */
  readonly shown: string;
}

/** Throws Error if the address cannot be used. */
export function tokenPlace(tokenUrl: string): TokenPlace {
  const url = URL.parse(tokenUrl);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error('is not an address: expected http:// or https:// and a host');
  if (url.username !== '' || url.password !== '') throw new Error('has a user name: write clientId and clientSecret');
  if (url.hash !== '' || tokenUrl.endsWith('#')) throw new Error('has a fragment ("#"), which is never sent');
  return { origin: url.origin, path: url.pathname + url.search, shown: url.origin + url.pathname };
}

class TokenCall extends HttpCall<AccessToken> {
  protected override read(
    rules: AnswerRules,
    head: AnswerHead,
    bytes: Buffer,
    start: number,
    end: number,
  ): AccessToken {
    const ofProxy = refusalOfProxy(rules, head);
    if (ofProxy !== undefined) throw ofProxy;
    return readToken(head, bytes.subarray(start, end));
  }

  protected override isFound(): boolean {
    return true;
  }
}

/** Requests one token, within `options.timeout`. Rejects with RecordError that names the endpoint. */
export function tokenRequest(options: OAuth2Options, calls: HttpCalls): () => Promise<AccessToken> {
  const { path, shown } = tokenPlace(options.tokenUrl);
  const headers = headersOf(options);
  const body = bodyOf(options);
  const bounded = timeout<null, AccessToken>({ timeoutMs: options.timeout, clock: calls.clock })((_, context) =>
    new TokenCall(calls, path, headers, body).run(context),
  );
  return async () => {
    try {
      return await bounded(null, new Cancellation());
    } catch (error) {
      throw withPlace(RecordError.from(error), shown);
    }
  };
}

function withPlace({ code, message, details, cause }: RecordError, shown: string): RecordError {
  const large = code === 'response_too_large';
  const why = large ? 'its answer is larger than 64 KiB' : message;
  const { retryAfterMs, final } = details;
  return new RecordError(large ? 'bad_response' : code, `no access token from ${shown}: ${why}`, {
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(final === undefined ? {} : { final }),
  });
}

/** As a value of a form is encoded (RFC 6749, appendix B). */
function encoded(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}

/** The credentials as a header has them: both parts are encoded before they are joined (RFC 6749, 2.3.1). */
export function basicCredentials({ clientId, clientSecret }: Pick<OAuth2Options, 'clientId' | 'clientSecret'>): string {
  return Buffer.from(`${encoded(clientId)}:${encoded(clientSecret)}`, 'utf8').toString('base64');
}

function headersOf(options: OAuth2Options): string[] {
  const headers = [
    ['accept', 'application/json'],
    ['user-agent', 'millrace'],
    ['content-type', 'application/x-www-form-urlencoded'],
  ];
  if (options.authMethod === 'basic') headers.push(['authorization', `Basic ${basicCredentials(options)}`]);
  return headers.flat();
}

function bodyOf({ clientId, clientSecret, scope, audience, parameters, authMethod }: OAuth2Options): string {
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== null) form.set('scope', scope);
  if (audience !== null) form.set('audience', audience);
  for (const [name, value] of Object.entries(parameters)) form.set(name, value);
  if (authMethod === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  return form.toString();
}
