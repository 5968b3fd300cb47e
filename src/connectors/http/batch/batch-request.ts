import type { Finding } from '../../../core/finding.ts';
import { parsePointer } from '../../../core/json/json-pointer.ts';
import type { Arguments } from '../../../lookup/lookup.ts';
import { compact } from '../../../wire/json/json-text.ts';
import { refuse, scalarText } from '../../template/argument.ts';
import { argumentObject, type BatchBody, compileBatchBody } from '../../template/batch-body.ts';
import { Template } from '../../template/template.ts';
import { type HeaderTemplate, type HttpRequest, compileRequest, parametersOf } from '../http-request.ts';
import type { HttpOptions } from '../http-options.ts';
import type { HttpBatchOptions } from './http-batch-options.ts';

/** The request of a batch, compiled from its options. */
export interface BatchRequest {
  readonly options: HttpBatchOptions;
  /** Without its body. */
  readonly request: HttpRequest;
  readonly parameters: readonly string[];
  /** Throws RecordError `missing_argument` if a batch cannot have this request. */
  check(args: Arguments): void;
  /**
   * Path, query and body for all of these requests. Throws RecordError `missing_argument` if `check` throws for one of
   * them.
   */
  render(requests: readonly Arguments[]): { readonly path: string; readonly body: string | null };
  /** The body for one request as a client may see it. Throws RecordError `missing_argument` as `check` does. */
  shownBody(args: Arguments): { readonly body?: string };
}

const types = { json: 'application/json', ndjson: 'application/x-ndjson' } as const;

/**
 * Compiles the request of a batch and collects all findings, with paths below `batch.http`. The request is undefined if
 * there is one, or if the options of the single request have one.
 */
export function compileBatch(
  options: HttpOptions,
  batch: HttpBatchOptions,
): { readonly batched: BatchRequest | undefined; readonly findings: readonly Finding[] } {
  const single = compileRequest(options);
  const { url, query, format } = batch;
  const shared = compileRequest({ ...options, url, query, body: null });
  const findings = shared.findings.filter(({ path }) => path[0] === 'url' || path[0] === 'query');
  const add = (path: readonly string[], message: string): void => void findings.push({ path, message });
  const attempt = <Result>(path: readonly string[], compile: () => Result): Result | undefined => {
    try {
      return compile();
    } catch (error) {
      add(path, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  attempt(['items'], () => parsePointer(batch.items));
  attempt(['key'], () => parsePointer(batch.key ?? ''));
  const body = batch.body === null ? undefined : attempt(['body'], () => compileBatchBody(batch.body));
  if (format === 'ndjson' && batch.body !== null)
    add(['body'], 'is set, but with format ndjson the body is the arguments: leave it out');
  if (format === 'ndjson' && batch.items !== '')
    add(['items'], 'is set, but with format ndjson each line is an answer: leave it out');
  if (single.request === undefined || shared.request === undefined || findings.length > 0)
    return { batched: undefined, findings };
  const { request } = shared;
  if (request.url.origin !== single.request.url.origin)
    add(
      ['url'],
      `expected the scheme, host and port of http.url, ${single.request.url.origin}: the lookup has one pool of connections`,
    );
  if (request.headers.some(({ template }) => !template.constant))
    add(
      [],
      'the headers of http have an argument, but the requests of a batch share one head: send it in url, query or body',
    );
  const own = [...request.url.parameters, ...(body?.parameters ?? [])];
  const sendsAll = format === 'ndjson' || body?.hasEverything === true;
  if (own.length === 0 && !sendsAll)
    add(['url'], 'no argument is sent: expected {name} in url, query or body, or "{*}" in body');
  const parameters = [...new Set([...own, ...parametersOf(single.request)])];
  if (batch.key !== null && parameters.length !== 1)
    add(
      ['key'],
      `expected a lookup with one argument, which key names in an answer; this one has ${parameters.length}: ${parameters.join(', ')}. Leave key out, and the answers are matched by place`,
    );
  if (findings.length > 0) return { batched: undefined, findings };
  const type = format === 'ndjson' || body !== undefined ? types[format] : undefined;
  return { batched: batchRequest(batch, withType(request, type, format), body, parameters), findings };
}

/** The headers with the media type of the body, unless the configuration sets it. */
function withType(request: HttpRequest, type: string | undefined, format: HttpBatchOptions['format']): HttpRequest {
  const headers: HeaderTemplate[] = request.headers.map(({ name, template }) =>
    name === 'accept' && template.before === types.json
      ? { name, template: new Template(types[format]) }
      : { name, template },
  );
  if (type !== undefined && !headers.some(({ name }) => name === 'content-type'))
    headers.push({ name: 'content-type', template: new Template(type) });
  return { ...request, headers };
}

function batchRequest(
  options: HttpBatchOptions,
  request: HttpRequest,
  body: BatchBody | undefined,
  parameters: readonly string[],
): BatchRequest {
  const { url } = request;
  const { format } = options;
  const checkKey = (args: Arguments): void => {
    // A key is a text, a number or a boolean.
    for (const name of parameters) scalarText(name, args[name]);
  };
  const checkUrl = (args: Arguments): void => {
    url.render(args);
    for (const name of url.parameters) {
      const text = scalarText(name, args[name]);
      if (text === '') refuse(name, 'is empty, and the values of a batch are separated by commas', undefined);
      if (text.includes(',')) refuse(name, 'has a comma, which separates the values of a batch', text);
    }
  };
  const bodyOf = (requests: readonly Arguments[]): string | null => {
    if (format === 'ndjson') return requests.map((args) => `${compact(argumentObject(args))}\n`).join('');
    return body === undefined ? null : body.render(requests);
  };
  /** The path of every batch, if no argument is part of it. */
  const path = url.parameters.length === 0 ? url.renderJoined([]) : undefined;
  const render = (requests: readonly Arguments[]): { readonly path: string; readonly body: string | null } => {
    if (path === undefined) for (const args of requests) checkUrl(args);
    if (options.key !== null) for (const args of requests) checkKey(args);
    return { path: path ?? url.renderJoined(requests), body: bodyOf(requests) };
  };
  const check = (args: Arguments): void => void render([args]);
  return {
    options,
    request,
    parameters,
    check,
    render,
    shownBody(args) {
      check(args);
      if (format === 'ndjson') return { body: `${argumentObject(args)}\n` };
      return body === undefined ? {} : { body: body.renderShown(args) };
    },
  };
}
