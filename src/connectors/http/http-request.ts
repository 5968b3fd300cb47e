import type { Finding } from '../../core/finding.ts';
import type { JsonObject } from '../../core/json/json.ts';
import { parsePointer } from '../../core/json/json-pointer.ts';
import { hidden, plainText } from '../../core/secrets/reference-text.ts';
import { isSecretName } from '../../core/secrets/secret-names.ts';
import type { CallAbout, CallTrace } from '../../core/observer/tracing.ts';
import { contentCodings } from '../../core/vocabulary.ts';
import type { Arguments } from '../../lookup/lookup.ts';
import { headerText } from '../template/argument.ts';
import { compileBody, type BodyTemplate } from '../template/body-template.ts';
import type { HttpOptions } from './http-options.ts';
import { tokenPlace } from './oauth2/token-endpoint.ts';
import { AddressRules, hasAddress } from './socket/address-rules.ts';
import { noProxy } from './socket/proxy.ts';
import { parseTemplate, Template } from '../template/template.ts';
import { compileUrl, type UrlTemplate } from '../template/url-template.ts';

/** The request of one `http` lookup, compiled from its options. */
export interface HttpRequest {
  readonly url: UrlTemplate;
  readonly headers: readonly HeaderTemplate[];
  readonly body: BodyTemplate | undefined;
}

export interface HeaderTemplate {
  readonly name: string;
  readonly template: Template;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ownHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that a request may have by other options. */
const usedHeaders = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'content-type',
  'host',
  'traceparent',
  'tracestate',
  'user-agent',
]);

/** Compiles the whole request and collects all findings. The request is undefined if there is one. */
export function compileRequest(options: HttpOptions): {
  readonly request: HttpRequest | undefined;
  readonly findings: readonly Finding[];
} {
  const findings: Finding[] = [];
  const attempt = <Result>(path: readonly string[], compile: () => Result): Result | undefined => {
    try {
      return compile();
    } catch (error) {
      findings.push({ path, message: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  };
  attempt(['select'], () => parsePointer(options.select));
  for (const [name, value] of Object.entries(options.query)) attempt(['query', name], () => parseTemplate(value));
  const query = findings.some(({ path }) => path[0] === 'query') ? {} : options.query;
  const url = attempt(['url'], () => compileUrl(options.url, query));
  const headers = Object.entries(options.headers).map(([name, value]) =>
    attempt(['headers', name], () => compileHeader(name, value, options)),
  );
  const named = (wanted: string): string | undefined => {
    const value = Object.entries(options.headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
    return value === undefined ? undefined : plainText(value);
  };
  const body =
    options.body === null ? undefined : attempt(['body'], () => compileBody(options.body, named('content-type')));
  attempt(['auth'], () => checkAuth(options.auth));
  if (url !== undefined) attempt(['url'], () => checkOrigin(url.origin, options, options.proxy));
  if (options.auth !== null && 'oauth2' in options.auth) {
    const { tokenUrl, proxy } = options.auth.oauth2;
    attempt(['auth', 'oauth2', 'tokenUrl'], () =>
      checkOrigin(tokenPlace(tokenUrl).origin, options, proxy ?? options.proxy),
    );
  }
  attempt(['deadlineHeader'], () => checkDeadlineHeader(options.deadlineHeader, named));
  if ((options.tls.cert === null) !== (options.tls.key === null)) {
    findings.push({ path: ['tls'], message: 'cert and key belong together: one of them is missing' });
  }
  if (url === undefined || findings.length > 0) return { request: undefined, findings };
  const compiled = headers.filter((header) => header !== undefined);
  return { request: { url, headers: [...ownHeadersOf(options, named, body), ...compiled], body }, findings };
}

function compileHeader(name: string, value: string, options: HttpOptions): HeaderTemplate {
  const lower = name.toLowerCase();
  if (!token.test(name)) throw new Error('is not a valid name of a header (RFC 9110, 5.1)');
  if (ownHeaders.has(lower)) throw new Error('is set by Millrace itself');
  if (lower === 'authorization' && options.auth !== null) throw new Error('is set by auth as well: remove one of them');
  const template = Template.of(parseTemplate(value), headerText, { literal: headerLiteral, reference: headerLiteral });
  // Servers remove spaces at both ends, so the secret would be another one.
  if (template.constant && template.shownBefore !== template.before && template.before.trim() !== template.before)
    throw new Error('begins or ends with a space, which is removed from a header');
  return { name: lower, template };
}

function headerLiteral(text: string): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) throw new Error('has a control character or one beyond Latin-1');
  return text;
}

function checkDeadlineHeader(name: string | null, named: (name: string) => string | undefined): void {
  if (name === null) return;
  if (!token.test(name))
    throw new Error(`is not a valid name of a header (RFC 9110, 5.1): got ${JSON.stringify(name)}`);
  const lower = name.toLowerCase();
  if (ownHeaders.has(lower) || usedHeaders.has(lower)) throw new Error('has another meaning: choose another name');
  if (named(lower) !== undefined) throw new Error('is set by headers as well: remove one of them');
}

function checkOrigin(origin: string, options: HttpOptions, proxy: string): void {
  const problem = new AddressRules(options).refusedOrigin(origin);
  if (problem !== undefined) throw new Error(problem);
  if (options.allowAddresses !== null && proxy !== noProxy && !hasAddress(origin))
    throw new Error(
      'has a name, which the proxy resolves: allowAddresses cannot be checked; write an address, proxy: none, or no allowAddresses',
    );
}

/** A token is sent unchanged; user name and password are encoded. */
function checkAuth(auth: HttpOptions['auth']): void {
  if (auth === null || !('bearer' in auth)) return;
  headerLiteral(auth.bearer);
  if (auth.bearer.trim() !== auth.bearer)
    throw new Error('begins or ends with a space, which is removed from a header');
}

/** Headers that are sent unless the configuration sets them. */
function ownHeadersOf(
  { auth }: HttpOptions,
  named: (name: string) => string | undefined,
  body: BodyTemplate | undefined,
): readonly HeaderTemplate[] {
  const own = new Map([
    ['accept', 'application/json'],
    ['accept-encoding', contentCodings.join(', ')],
    ['user-agent', 'millrace'],
  ]);
  if (body !== undefined) own.set('content-type', body.contentType);
  const credentials = auth === null ? undefined : authorization(auth);
  if (credentials !== undefined) own.set('authorization', credentials);
  return [...own]
    .filter(([name]) => named(name) === undefined)
    .map(([name, value]) => ({
      name,
      template: name === 'authorization' ? Template.secret(value) : new Template(value),
    }));
}

/** Undefined if the credentials change: they are added to each call. */
function authorization(auth: NonNullable<HttpOptions['auth']>): string | undefined {
  if ('bearer' in auth) return `Bearer ${auth.bearer}`;
  if ('oauth2' in auth) return undefined;
  return `Basic ${Buffer.from(`${auth.basic.username}:${auth.basic.password}`, 'utf8').toString('base64')}`;
}

/** Names of the arguments, each once. */
export function parametersOf({ url, headers, body }: HttpRequest): readonly string[] {
  const others = [...headers.map(({ template }) => template), ...(body === undefined ? [] : [body.template])];
  return [...new Set([...url.parameters, ...others.flatMap((template) => template.variables)])];
}

/** The headers of the calls of one lookup: names and values in turn, as an exchange has them. */
export interface Headers {
  /** If no header has an argument, all calls share one list. */
  readonly constant: boolean;
  render(args: Arguments): string[];
  /** With the headers of the trace at the end. A `traceparent` of the configuration replaces that of the trace. */
  traced(rendered: string[], trace: CallTrace): string[];
}

export function headersOf(headers: readonly HeaderTemplate[]): Headers {
  const shared = headers.flatMap(({ name, template }) => [name, template.before]);
  const ownTrace = headers.some(({ name }) => name === 'traceparent');
  const constant = headers.every(({ template }) => template.constant);
  return {
    constant,
    render: (args) => (constant ? shared : headers.flatMap(({ name, template }) => [name, template.render(args)])),
    traced(rendered, trace) {
      if (ownTrace) return rendered;
      // All calls of one trace share one list.
      return constant ? trace.joinedTo(rendered) : [...rendered, ...trace.headers];
    },
  };
}

/** Renders the headers of one call, with those of its trace. */
export function headerRenderer(
  headers: readonly HeaderTemplate[],
): (args: Arguments, trace: CallTrace | undefined) => string[] {
  const own = headersOf(headers);
  return (args, trace) => (trace === undefined ? own.render(args) : own.traced(own.render(args), trace));
}

/** The request as spans name it: its method and the path of its template as written, without the query. */
export function spanOf({ url }: HttpRequest, { method }: HttpOptions): CallAbout {
  const { protocol, hostname, port } = new URL(url.origin);
  return {
    name: `${method} ${url.shownPath}`,
    attributes: {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      'url.template': url.shownPath,
    },
  };
}

/** The request as a client may see it. Throws RecordError `missing_argument`. */
export function shownRequest(
  request: HttpRequest,
  { method, deadlineHeader, auth }: HttpOptions,
  args: Arguments,
): JsonObject {
  const { url, headers, body } = request;
  const shown = headers.map(({ name, template }): [string, string] => {
    const value = template.renderShown(args);
    return [name, template.constant && isSecretName(name) ? hidden : value];
  });
  return {
    method,
    url: url.origin + url.renderShown(args),
    headers: {
      ...Object.fromEntries(shown),
      ...(auth !== null && 'oauth2' in auth && { authorization: hidden }),
      ...(deadlineHeader !== null && { [deadlineHeader.toLowerCase()]: '<milliseconds left>' }),
    },
    ...(body === undefined ? {} : { body: body.template.renderShown(args) }),
  };
}
