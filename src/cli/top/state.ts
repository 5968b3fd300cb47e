import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../core/json/json.ts';
import { systemClock } from '../../core/time/time.ts';
import type { ClientFiles } from './client-files.ts';
import { serviceReason } from './service-reason.ts';

/** The response of `/state`, and its time. A missing member counts as 0 or empty: the service may have another version. */
export interface Seen {
  readonly atMs: number;
  readonly text: string;
  readonly state: JsonObject;
  readonly streams: readonly JsonObject[];
  readonly pipelines: readonly Named[];
  readonly lookups: readonly Named[];
  readonly errors: readonly JsonObject[];
}

export interface Named {
  readonly name: string;
  readonly value: JsonObject;
}

/** A request for `/state` that takes longer has failed. */
const answerMs = 5000;

const wayOut = 'The first line of `millrace serve` has the address of its admin listener: name it with --url';

const tokenWayOut =
  'put a token of server.admin.auth into a file, and name the file with --token-file, or set MILLRACE_TOKEN';

/** How a request is made: the files for https, and the token that is sent. */
export interface Credentials {
  readonly files: ClientFiles;
  readonly token: () => string | undefined;
}

/** Requests `/state` once. Rejects with a message that names the address and says what to do. */
export async function readState(url: URL, { files, token }: Credentials, stopped: AbortSignal): Promise<Seen> {
  const address = new URL(url);
  address.pathname += `${address.pathname.endsWith('/') ? '' : '/'}state`;
  const sent = token();
  let response: Response;
  try {
    response = await get(address, files, sent, stopped);
  } catch (error) {
    stopped.throwIfAborted();
    const words = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : messageOf(error);
    const why = url.protocol === 'http:' ? words : serviceReason(error, files);
    throw new Error(
      `cannot reach the admin listener at ${withoutUser(url)}: ${why}. Is the service running? ${wayOut}`,
      {
        cause: error,
      },
    );
  }
  if (response.status === 401) {
    const why = sent === undefined ? 'needs a token' : 'does not know this token';
    throw new Error(`the admin listener at ${withoutUser(url)} ${why}: ${tokenWayOut}`);
  }
  const seen = response.status === 200 ? seenIn(response.text) : undefined;
  if (seen !== undefined) return seen;
  if (response.status === 403 && response.text.includes('certificate_required')) {
    throw new Error(`${withoutUser(address)} wants the certificate of a client: name it with --cert and --key`);
  }
  const answered = response.status === 200 ? 'without a state' : `with status ${response.status}`;
  throw new Error(`${withoutUser(address)} answered ${answered}: it is not the admin listener of Millrace. ${wayOut}`);
}

/** An address without the user and the password that it may hold. */
export const withoutUser = ({ origin, pathname }: URL): string => (origin + pathname).replace(/\/$/, '');

interface Response {
  readonly status: number;
  readonly text: string;
}

/** `fetch` is not used here: it refuses some ports that a service may listen on. */
function get(address: URL, files: ClientFiles, token: string | undefined, signal: AbortSignal): Promise<Response> {
  const request = address.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const asked = request(address, { ...files, signal, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    const disarm = systemClock.setTimer(answerMs, () => asked.destroy(new Error(`no answer within ${answerMs} ms`)));
    asked.on('error', reject).on('close', disarm).end();
  });
}

function seenIn(text: string): Seen | undefined {
  let state: JsonValue;
  try {
    state = parseJson(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(state) || !Array.isArray(state['streams']) || !isJsonObject(state['lookups'])) return undefined;
  return {
    atMs: systemClock.now(),
    text,
    state,
    streams: objects(state['streams']),
    pipelines: named(state['pipelines']),
    lookups: named(state['lookups']),
    errors: objects(state['errors']),
  };
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [];
  return items.filter((item) => isJsonObject(item));
}

function named(value: JsonValue | undefined): readonly Named[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => (isJsonObject(member) ? [{ name, value: member }] : []));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A member of the state; 0 if it is missing. */
export const numberAt = (from: JsonObject, ...path: readonly string[]): number => perhapsAt(from, ...path) ?? 0;

export function perhapsAt(from: JsonObject, ...path: readonly string[]): number | undefined {
  const value = path.reduce<JsonValue | undefined>((at, name) => (isJsonObject(at) ? at[name] : undefined), from);
  return typeof value === 'number' ? value : undefined;
}

export function textAt(from: JsonObject, name: string): string {
  const value = from[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}
