import { pipeline, type Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ContentCoding } from '../../core/vocabulary.ts';
import { encoders } from '../../wire/coding/engines.ts';
import { encodeWhole } from '../../wire/coding/whole-body.ts';

/** How the answer to one record is coded. */
export interface AnswerCoding {
  /** Undefined: it is not. */
  readonly coding: ContentCoding | undefined;
  /** Whether the client refuses an answer without a coding. */
  readonly plainRefused: boolean;
  readonly vary: Readonly<Record<string, string>>;
}

/** A shorter answer fits into one packet without a coding, which costs more than it saves. */
const LEAST_BYTES = 1024;

export async function sendWhole(
  reply: FastifyReply,
  body: Buffer,
  { coding, plainRefused }: AnswerCoding,
): Promise<FastifyReply> {
  if (coding === undefined || (body.byteLength < LEAST_BYTES && !plainRefused)) return reply.send(body);
  return reply.header('content-encoding', coding).send(await encodeWhole(coding, body));
}

/** Each piece is coded as it is read. */
export function sendPieces(reply: FastifyReply, body: Readable, { coding }: AnswerCoding): FastifyReply {
  if (coding === undefined) return reply.send(body);
  const coded = pipeline(body, encoders[coding](), () => {});
  return reply.header('content-encoding', coding).send(coded);
}
