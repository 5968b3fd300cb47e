import { type RequestErrorCode, recordErrors, requestErrors } from '../../core/errors.ts';
import { PROBLEM_TYPE } from '../problem.ts';

export const problemSchema = {
  type: 'object',
  description: 'Why a request has no complete answer (RFC 9457). A code may add members of its own.',
  additionalProperties: true,
  required: ['type', 'title', 'status', 'detail', 'code', 'instance'],
  properties: {
    type: { type: 'string', format: 'uri', description: 'Stable: `urn:millrace:problem:` followed by the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What is wrong with this request, and what would be right.' },
    code: { type: 'string', enum: [...Object.keys(requestErrors), ...Object.keys(recordErrors)] },
    instance: { type: 'string', format: 'uri', description: '`urn:millrace:request:` followed by the `X-Request-Id`.' },
    parameter: { type: 'string', description: 'With `bad_parameter`: the name of the parameter.' },
    value: { description: 'With `bad_parameter`: the value of the parameter.' },
    limit: { description: 'What is allowed: a number, a duration, or the list of values.' },
    pipelines: {
      type: 'array',
      items: { type: 'string' },
      description: 'With `unknown_pipeline`: the names of all pipelines.',
    },
    nearest: {
      type: 'string',
      description:
        'With `bad_parameter` and `unknown_pipeline`: the known name or value that is nearest to the wrong one. Absent if none is near.',
    },
  },
} as const;

/** The codes of every route that acts or shows: its request may be refused by its head. */
export const accessCodes = [
  'unauthorized',
  'forbidden_origin',
  'misdirected',
] as const satisfies readonly RequestErrorCode[];

interface ProblemResponse {
  description: string;
  headers?: object;
  content: object;
}

/** One response for each status of these codes. */
export function problemResponses(codes: readonly RequestErrorCode[]): Record<string, ProblemResponse> {
  const byStatus = Map.groupBy(codes, (code) => requestErrors[code].status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, group]) => [String(status), problemResponse(status, group)]),
  );
}

function problemResponse(status: number, codes: readonly RequestErrorCode[]): ProblemResponse {
  const retry = {
    'Retry-After': { description: 'Seconds to wait before the next request.', schema: { type: 'integer' } },
  };
  const readable = {
    'Accept-Encoding': {
      description: 'With `unsupported_encoding`: the codings in which a body is read.',
      schema: { type: 'string' },
    },
  };
  return {
    description: codes.map((code) => `\`${code}\`: ${requestErrors[code].title}.`).join(' '),
    ...((status === 429 || status === 503) && { headers: retry }),
    ...(codes.includes('unsupported_encoding') && { headers: readable }),
    content: problemContent,
  };
}

const problemContent = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };

/** Responses for the failures of a record that is the whole body. */
export function recordFailureResponses(): Record<string, ProblemResponse> {
  const byStatus = Map.groupBy(Object.entries(recordErrors), ([, { status }]) => status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, entries]) => {
      const meanings = entries.map(([code, { meaning }]) => `\`${code}\`: ${meaning}.`).join(' ');
      return [
        String(status),
        { description: `Only for one record as application/json. ${meanings}`, content: problemContent },
      ];
    }),
  );
}
