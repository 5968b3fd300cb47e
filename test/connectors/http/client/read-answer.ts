import type { AnswerHead, AnswerReceiver } from '../../../../src/connectors/http/client/answer-head.ts';
import { AnswerParser } from '../../../../src/connectors/http/client/answer-parser.ts';

/** What the parser made of the bytes of one connection, for one call. */
export interface ReadAnswer {
  readonly status?: number;
  readonly head?: AnswerHead;
  readonly body: string;
  /** Whether the answer is whole. */
  readonly whole: boolean;
  readonly reusable?: boolean;
  /** Message of the MalformedAnswer that was thrown. */
  readonly malformed?: string;
}

export class Receiver implements AnswerReceiver {
  began = 0;
  head: AnswerHead | undefined = undefined;
  readonly pieces: Buffer[] = [];
  whole = false;
  reusable: boolean | undefined = undefined;
  /** `last` of each piece of the body. */
  readonly lasts: boolean[] = [];

  answerBegan(): void {
    this.began += 1;
  }

  answerHead(head: AnswerHead): void {
    if (this.head !== undefined) throw new Error('a second head');
    this.head = head;
  }

  answerBody(bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.head === undefined || this.whole) throw new Error('a body outside of its answer');
    this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    this.lasts.push(last);
  }

  answerEnded(reusable: boolean): void {
    if (this.whole) throw new Error('a second end');
    this.whole = true;
    this.reusable = reusable;
  }
}

/** Feeds the pieces through one buffer that is overwritten each time, as sockets do, and ends the stream after them. */
export function readPieces(pieces: readonly Uint8Array[], withoutBody = false): ReadAnswer {
  const parser = new AnswerParser();
  const receiver = new Receiver();
  const shared = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)), 'X');
  parser.expect(receiver, withoutBody);
  let malformed: string | undefined;
  try {
    for (const piece of pieces) {
      shared.fill('X');
      shared.set(piece);
      // Bytes that arrive at an idle connection do not reach its parser.
      if (parser.busy) parser.feed(shared, piece.length);
      else receiver.reusable = false;
    }
    parser.end();
  } catch (error) {
    malformed = error instanceof Error ? error.message : String(error);
  }
  return {
    ...(receiver.head !== undefined && { status: receiver.head.status, head: receiver.head }),
    body: Buffer.concat(receiver.pieces).toString('latin1'),
    whole: receiver.whole,
    ...(receiver.reusable !== undefined && { reusable: receiver.reusable }),
    ...(malformed !== undefined && { malformed }),
  };
}

export const readText = (text: string, withoutBody = false): ReadAnswer =>
  readPieces([Buffer.from(text, 'latin1')], withoutBody);
