/**
 * A line with a member added at its end, in parts. The output joins them with its text: V8 goes through every part of a
 * concatenated string when it is written, however deep they are nested.
 *
 *     {"k":7,"origin":"SAT" + ,"airport": + {"city":"San Antonio"} + }
 *     head                    opening       json                    end
 */
export class SplicedLine {
  readonly head: string;
  readonly opening: string;
  readonly json: string;
  readonly end: string;

  constructor(head: string, opening: string, json: string, end: string) {
    this.head = head;
    this.opening = opening;
    this.json = json;
    this.end = end;
  }

  /** Characters of the whole line. */
  get length(): number {
    return this.head.length + this.opening.length + this.json.length + this.end.length;
  }

  toString(): string {
    return this.head + this.opening + this.json + this.end;
  }
}
