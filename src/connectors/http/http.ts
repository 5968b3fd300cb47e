import { RecordError } from '../../core/errors.ts';
import type { CallContext } from '../../core/call/call-context.ts';
import { bothGates, type Gate } from '../../core/call/gate.ts';
import { DeferredOutcome, later } from '../../core/call/receiver.ts';
import { argumentsKey } from '../../lookup/arguments-key.ts';
import type { KnownAnswer } from '../../core/call/known-answer.ts';
import type { Answer, Arguments } from '../../lookup/lookup.ts';
import { Pause } from '../../lookup/rate-limit/pause.ts';
import { serviceOf } from '../../lookup/service.ts';
import type { Connector, ConnectorDefinition, ConnectorRuntime } from '../connector.ts';
import type { AnswerHead } from './client/answer-head.ts';
import { type AnswerRules, readAnswer } from './http-answer.ts';
import { HttpCall } from './http-call.ts';
import { batchCalls } from './batch/batch-call.ts';
import { type BatchRequest, compileBatch } from './batch/batch-request.ts';
import { httpOptions, type HttpOptions } from './http-options.ts';
import { openCalls, type OpenCalls } from './open-calls.ts';
import { hashOfArgument, RenderedRequest } from './rendered-request.ts';
import { compileRequest, headersOf, parametersOf, shownRequest, spanOf, type HttpRequest } from './http-request.ts';

/** The call for one record. */
class SingleCall extends HttpCall<Answer> {
  protected override read(
    rules: AnswerRules,
    head: AnswerHead,
    bytes: Buffer,
    start: number,
    end: number,
    known: KnownAnswer | undefined,
    delayMs: number,
  ): Answer {
    return readAnswer(rules, head, bytes, start, end, known, delayMs);
  }

  protected override isFound({ json }: Answer): boolean {
    return json !== undefined;
  }
}

/** Calls an HTTP service: one request for each call. The client and undici are loaded when a lookup is opened. */
export const http: ConnectorDefinition<HttpOptions> = {
  name: 'http',
  tellsFreshness: true,
  schema: httpOptions,
  parameters(options, batch) {
    const { request } = compileRequest(options);
    if (batch?.http !== undefined) return compileBatch(options, batch.http).batched?.parameters ?? [];
    return request === undefined ? [] : parametersOf(request);
  },
  findings: (options) => compileRequest(options).findings,
  batchFindings(options, { http: batch }) {
    if (batch === undefined) return [missingBatch];
    return compileBatch(options, batch).findings.map((finding) => ({ ...finding, path: ['http', ...finding.path] }));
  },
  files: ({ tls }) => Object.values(tls).filter((file) => file !== null),
  watchesFiles: true,
  create(options, runtime, batch) {
    const { request, findings } = compileRequest(options);
    const many = batch === undefined ? undefined : batch.http && compileBatch(options, batch.http);
    const all = [...findings, ...(batch === undefined ? [] : (many?.findings ?? [missingBatch]))];
    if (request === undefined || all.length > 0)
      throw new Error(`lookup "${runtime.lookup}": ${all.map(({ message }) => message).join('; ')}`);
    return httpConnector(options, request, runtime, many?.batched);
  },
};

const missingBatch = {
  path: [],
  message:
    'http is missing: it says how many keys are requested at once, such as http: { url: http://127.0.0.1:9000/airports, query: { codes: "{iata}" }, key: /iata }',
} as const;

function httpConnector(
  { method: ownMethod, ...others }: HttpOptions,
  single: HttpRequest,
  runtime: ConnectorRuntime,
  batched: BatchRequest | undefined,
): Connector {
  // With a batch, all calls are those of the batch.
  const options = { ...others, method: batched?.options.method ?? ownMethod };
  const request = batched?.request ?? single;
  const { lookup } = runtime;
  const headers = headersOf(request.headers);
  const { url, body } = request;
  const parameters = parametersOf(request);
  const only = parameters.length === 1 ? parameters[0] : undefined;
  let calls: OpenCalls | undefined;
  let unobserved: (() => void)[] = [];
  const pause = new Pause(runtime.clock, options.maxPause);
  const free: Gate = {
    // A call to a lookup that is not open fails: it waits for nothing.
    get open() {
      return calls === undefined || (calls.pool.open && calls.tokens?.open !== false);
    },
    whenOpen: (hook) => (calls?.pool.open === true ? (calls.tokens ?? calls.pool) : calls?.pool)?.whenOpen(hook),
  };
  const freeAfterPause = bothGates(pause, free);
  const gate: Gate = {
    // Every call reads it: directly, it takes 15 ns instead of 50.
    get open() {
      return pause.open && (calls === undefined || (calls.pool.open && calls.tokens?.open !== false));
    },
    whenOpen: (hook) => freeAfterPause.whenOpen(hook),
    waitMs: () => pause.waitMs(),
  };

  const opened = (): OpenCalls => {
    if (calls === undefined) throw new Error(`lookup "${lookup}" is not open`);
    return calls;
  };
  const render = (args: Arguments): RenderedRequest => {
    try {
      const path = url.render(args);
      const sent = headers.render(args);
      return new RenderedRequest(args, path, sent, body === undefined ? null : body.template.render(args));
    } catch (error) {
      throw RecordError.from(error).with({ lookup });
    }
  };
  /** The request that was rendered last, for the call that follows `requestKey`. */
  let last: RenderedRequest | undefined;
  const callOf = (args: Arguments, { trace, known }: CallContext, nowMs?: number): SingleCall => {
    const rendered = last?.args === args ? last : render(args);
    last = undefined;
    const own = known === undefined ? rendered.headers : [...rendered.headers, ...known.validators];
    const sent = trace === undefined ? own : headers.traced(own, trace);
    return new SingleCall(opened(), rendered.path, sent, rendered.body, known, nowMs);
  };
  return {
    immediate: false,
    runsUserCode: false,
    gate,
    largestAnswerBytes: options.maxResponseBytes,
    callMany: batched && batchCalls(batched, opened),
    call: serviceOf(
      (args, context, receiver, nowMs) => {
        callOf(args, context, nowMs).begin(context, new DeferredOutcome(receiver));
        return later;
      },
      (args, context) => callOf(args, context).run(context),
    ),
    requestKey(args, { known }, seed) {
      // The call is that of a batch, and has the arguments of many requests.
      if (batched !== undefined) return argumentsKey(args);
      last = render(args);
      last.validators = known?.validators;
      last.hash = only === undefined ? last.hashOf(headers.constant, seed) : hashOfArgument(args[only], seed);
      return last;
    },
    span: spanOf(request, options),
    describe(args) {
      try {
        const shown = shownRequest(request, options, args);
        return batched === undefined ? shown : { ...shown, ...batched.shownBody(args) };
      } catch (error) {
        throw RecordError.from(error).with({ lookup });
      }
    },
    async reach(context) {
      const { reachOrigin } = await import('./socket/http-socket.ts');
      const { sockets, tokens } = opened();
      await tokens?.obtain();
      const reached = await reachOrigin(sockets, runtime, context);
      return tokens === undefined ? reached : `${reached}, with an access token`;
    },
    async open() {
      calls = await openCalls(options, request, runtime, pause);
      const { pool, tokens } = calls;
      unobserved = [
        runtime.observer.gauges(() => ({ inFlight: pool.running, queued: 0, connections: pool.connections })),
        runtime.observer.layer('pause', () => pause.gauges()),
        ...(tokens === undefined ? [] : [runtime.observer.layer('oauth2', () => tokens.gauges())]),
      ];
    },
    async close() {
      pause.close();
      for (const stop of unobserved) stop();
      await calls?.close();
    },
  };
}
