import type { Answer, Arguments, ManyLookupService, Reply } from '../../../lookup/lookup.ts';
import { RecordError } from '../../../core/errors.ts';
import type { AnswerHead } from '../client/answer-head.ts';
import type { AnswerRules } from '../http-answer.ts';
import { HttpCall, type HttpCalls } from '../http-call.ts';
import { headerRenderer } from '../http-request.ts';
import { type BatchRules, batchRules, readBatch } from './batch-answer.ts';
import type { BatchRequest } from './batch-request.ts';

/** The call for a batch: one reply for each request, in their order. */
class BatchCall extends HttpCall<readonly Reply<Answer>[]> {
  readonly #batch: BatchRules;
  readonly #requests: readonly Arguments[];

  constructor(
    batch: BatchRules,
    requests: readonly Arguments[],
    ...call: ConstructorParameters<typeof HttpCall<readonly Reply<Answer>[]>>
  ) {
    super(...call);
    this.#batch = batch;
    this.#requests = requests;
  }

  protected override read(
    _: AnswerRules,
    head: AnswerHead,
    bytes: Buffer,
    start: number,
    end: number,
  ): readonly Reply<Answer>[] {
    return readBatch(this.#batch, head, bytes.subarray(start, end), this.#requests);
  }

  protected override isFound(replies: readonly Reply<Answer>[]): boolean {
    return replies.some((reply) => reply instanceof RecordError || reply.json !== undefined);
  }
}

/**
 * Sends many requests in one. A request that cannot be part of a batch fails by itself, and the others are sent. `calls`
 * is called for each batch.
 */
export function batchCalls(batched: BatchRequest, calls: () => HttpCalls): ManyLookupService {
  const renderHeaders = headerRenderer(batched.request.headers);
  return (requests, context) => {
    const shared = calls();
    const rules = batchRules(shared.rules, batched.options, batched.parameters);
    const headers = renderHeaders({}, context.trace);
    const send = (sent: readonly Arguments[], { path, body }: ReturnType<BatchRequest['render']>) =>
      new BatchCall(rules, sent, shared, path, headers, body).run(context);
    const rendered = renderedIfAll(batched, requests);
    if (rendered !== undefined) return send(requests, rendered);
    const refused = requests.map((args) => refusalOf(batched, args, shared.rules.lookup));
    const sent = requests.filter((_, index) => refused[index] === undefined);
    if (sent.length === 0) return refused.filter((error) => error !== undefined);
    return send(sent, batched.render(sent)).then((answered) => inPlace(refused, answered));
  };
}

/** Nearly always every request can be sent: they are rendered once, without a check of each. Undefined if one cannot. */
function renderedIfAll(batched: BatchRequest, requests: readonly Arguments[]) {
  try {
    return batched.render(requests);
  } catch {
    return undefined;
  }
}

/** Why a request cannot be part of a batch; undefined if it can. */
function refusalOf(batched: BatchRequest, args: Arguments, lookup: string): RecordError | undefined {
  try {
    batched.check(args);
    return undefined;
  } catch (error) {
    return RecordError.from(error).with({ lookup });
  }
}

/** The failures at their places, and the other replies, in order, at the places between. */
function inPlace(
  refused: readonly (RecordError | undefined)[],
  answered: readonly Reply<Answer>[],
): readonly Reply<Answer>[] {
  const replies: Reply<Answer>[] = [];
  let next = 0;
  for (const error of refused) {
    const reply = error ?? answered[next++];
    if (reply !== undefined) replies.push(reply);
  }
  return replies;
}
