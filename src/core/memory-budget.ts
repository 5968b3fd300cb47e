/** Streams that are resumed in one turn of the event loop. Each takes at most one chunk of 64 KiB: a few milliseconds. */
const SERVED_AT_ONCE = 16;

/** Below this part of the limit a stream does not wait behind others. */
const PLENTY = 3 / 4;

/**
 * One budget of bytes for all streams of a process. A stream calls `mayGoOn` before it takes a chunk of its body and
 * before it admits a record; above the limit it waits.
 *
 *     share ── admit, add, body ──▶ heldBytes ─ below limitBytes ─▶ go on
 *                                             └ above ────────────▶ wait, and hold one chunk or one line
 *     parts     [ begun: resumed, and no record admitted since ] [ fresh ]           served from the left
 *     lines     [ streams that hold a whole line ]                                   served from the left
 *     partGrant  the one stream of `parts` that goes on above the limit, until it has admitted one record
 *     lineGrant  the same for `lines`
 *
 * Progress is always possible. Take a stream that waits. Below the limit, `#serve` resumes it. Above the limit:
 *
 * - A stream with a whole line needs no more bytes from its client. `#serve` gives the line grant to the first of them; it
 *   admits that line, and when the record has left, the next stream gets the line grant. So a client that sends a part of
 *   a line and stops delays no stream that has a whole line.
 * - Of the streams with a part of a line, one has the part grant: if none has it, `#serve` gives it to the first. Nothing stops
 *   that stream. It takes each chunk that its client sends, so after at most one line of full length it has a whole line,
 *   however many other streams hold parts of lines, and it admits that line. An admitted record needs no more memory: it
 *   ends by its lookups or its timeout, and it leaves when the client reads. A client that does not finish its line or
 *   does not read is cut (`idleTimeout`, `stallTimeout`). When all records of the stream have left, the next stream gets
 *   the grant. A resumed stream goes before those that have admitted a record since, so each stream waits for a bounded
 *   number of lines.
 *
 * The bound follows: above the limit only the streams with a grant take more, which is one line, one chunk and the bytes
 * of two records; and each stream holds one chunk or one line. Answers that are larger than was expected when
 * their records were admitted are not bounded.
 */
export class MemoryBudget {
  #limitBytes: number;
  #heldBytes = 0;
  readonly #schedule: (serve: () => void) => void;
  readonly #begun = new Set<MemoryShare>();
  readonly #fresh = new Set<MemoryShare>();
  readonly #withLine = new Set<MemoryShare>();
  #partGrant: MemoryShare | undefined;
  #lineGrant: MemoryShare | undefined;
  /** Below the limit, streams with and without a whole line are resumed alternately. */
  #lineNext = true;
  #scheduled = false;

  /** `schedule` runs a function later, never during the call. */
  constructor(limitBytes: number, schedule: (serve: () => void) => void) {
    this.#limitBytes = limitBytes;
    this.#schedule = schedule;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** A new limit applies from the next chunk on. */
  set limitBytes(bytes: number) {
    this.#limitBytes = bytes;
    this.freed();
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Streams that wait for memory. */
  get waiting(): number {
    return this.#begun.size + this.#fresh.size + this.#withLine.size;
  }

  /** `resume` is called after `mayGoOn` was false, when the stream may go on. */
  open(resume: () => void): MemoryShare {
    return new MemoryShare(this, resume);
  }

  /** @internal For shares. */
  change(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** @internal Whether the share may go on; if not, it waits from now on. */
  admits(share: MemoryShare, hasLine: boolean): boolean {
    const held = this.#heldBytes;
    if (held < PLENTY * this.#limitBytes || (held < this.#limitBytes && this.waiting === 0)) return true;
    if (this.#partGrant === share && !share.hasAdmitted) return true;
    if (this.#lineGrant === share) {
      if (hasLine && !share.hasAdmitted) return true;
      // The line was not a record, or the record of the grant has not left: another stream may have the grant.
      if (!hasLine) this.#lineGrant = undefined;
    }
    if (hasLine) this.#withLine.add(share);
    else (share.begun ? this.#begun : this.#fresh).add(share);
    this.freed();
    return false;
  }

  /** @internal Called when memory or a grant may have become free: serves the streams that wait, later. */
  freed(): void {
    if (this.#scheduled || this.waiting === 0) return;
    this.#scheduled = true;
    this.#schedule(this.#serve);
  }

  /** @internal Whether other streams wait for this one. */
  hasGrant(share: MemoryShare): boolean {
    return this.#partGrant === share && this.waiting > 0 && this.#heldBytes >= this.#limitBytes;
  }

  /** @internal The share no longer holds what it took with its grant. */
  endGrant(share: MemoryShare): void {
    if (this.#partGrant !== share && this.#lineGrant !== share) return;
    // One stream may have both grants.
    if (this.#partGrant === share) this.#partGrant = undefined;
    if (this.#lineGrant === share) this.#lineGrant = undefined;
    this.freed();
  }

  /** @internal The share is closed: it waits no longer, and has no grant. */
  forget(share: MemoryShare): void {
    this.#begun.delete(share);
    this.#fresh.delete(share);
    this.#withLine.delete(share);
    this.endGrant(share);
    this.freed();
  }

  readonly #serve = (): void => {
    this.#scheduled = false;
    // Below the limit no stream needs a grant.
    if (this.#heldBytes < this.#limitBytes) {
      this.#partGrant = undefined;
      this.#lineGrant = undefined;
    }
    for (let served = 0; this.#heldBytes < this.#limitBytes; served += 1) {
      if (served === SERVED_AT_ONCE) return this.freed();
      const share = this.#next();
      if (share === undefined) return;
      share.resumed();
    }
    if (this.#lineGrant === undefined) {
      this.#lineGrant = first(this.#withLine);
      this.#lineGrant?.resumed();
    }
    if (this.#partGrant === undefined) {
      this.#partGrant = this.#nextPart();
      this.#partGrant?.resumed();
    }
  };

  #next(): MemoryShare | undefined {
    this.#lineNext = !this.#lineNext;
    if (this.#lineNext) return first(this.#withLine) ?? this.#nextPart();
    return this.#nextPart() ?? first(this.#withLine);
  }

  #nextPart(): MemoryShare | undefined {
    return first(this.#begun) ?? first(this.#fresh);
  }
}

/** Removes and returns the stream that has waited longest. */
function first(waiting: Set<MemoryShare>): MemoryShare | undefined {
  for (const share of waiting) {
    waiting.delete(share);
    return share;
  }
  return undefined;
}

/**
 * The memory that one stream, or one request with a single body, holds.
 *
 *     bodyBytes     received and not admitted: a chunk, a part of a line, a line
 *     recordBytes   records in slots, their answers (expected or real), and output that the client has not taken
 */
export class MemoryShare {
  readonly #budget: MemoryBudget;
  readonly #resume: () => void;
  #bodyBytes = 0;
  #recordBytes = 0;
  /** The part of `#recordBytes` that is output. */
  #outputBytes = 0;
  #closed = false;
  /** The stream was resumed, and its next step is already allowed. */
  #mayTakeNext = false;
  /** The stream was resumed after a wait and has admitted no record since. */
  begun = false;
  /** The stream has admitted a record since it was resumed. */
  hasAdmitted = false;

  constructor(budget: MemoryBudget, resume: () => void) {
    this.#budget = budget;
    this.#resume = resume;
  }

  get heldBytes(): number {
    return this.#bodyBytes + this.#recordBytes;
  }

  /** The stream may go on above the limit, and others wait until it has admitted a record. */
  get hasGrant(): boolean {
    return this.#budget.hasGrant(this) && !this.hasAdmitted;
  }

  /**
   * Whether a chunk may be taken, or a record admitted; if not, `resume` is called once, and the first call after that
   * returns true. Call it before each chunk and each record. `hasLine`: the stream holds a whole line, so that a record
   * can be admitted even if the client sends nothing more.
   */
  mayGoOn(hasLine: boolean): boolean {
    if (this.#mayTakeNext) {
      this.#mayTakeNext = false;
      return true;
    }
    return this.#budget.admits(this, hasLine);
  }

  /** Sets the bytes that the body holds. `passed`: lines were read since the last call, and the stream holds no line. */
  body(bytes: number, passed: boolean): void {
    if (this.#closed) return;
    const change = bytes - this.#bodyBytes;
    this.#bodyBytes = bytes;
    this.#budget.change(change);
    if (change < 0) this.#budget.freed();
    if (!passed) return;
    this.begun = false;
    this.hasAdmitted = true;
    this.#endGrantIfEmpty();
  }

  /** Counts a record that was admitted and holds `bytes`. */
  admit(bytes: number): void {
    if (this.#closed) return;
    this.#recordBytes += bytes;
    this.#budget.change(bytes);
    this.begun = false;
    this.hasAdmitted = true;
  }

  /** Counts `bytes` more for admitted records, or fewer if it is negative. */
  add(bytes: number): void {
    if (this.#closed) return;
    this.#recordBytes += bytes;
    this.#budget.change(bytes);
    if (bytes >= 0) return;
    this.#budget.freed();
    this.#endGrantIfEmpty();
  }

  /** Sets the bytes of output that the client has not taken yet. */
  output(bytes: number): void {
    const change = bytes - this.#outputBytes;
    if (change === 0) return;
    this.#outputBytes = bytes;
    this.add(change);
  }

  /** Releases everything; no byte is counted from now on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#budget.change(-this.heldBytes);
    this.#bodyBytes = 0;
    this.#recordBytes = 0;
    this.#budget.forget(this);
  }

  /** @internal The stream may go on. */
  resumed(): void {
    this.begun = true;
    this.hasAdmitted = false;
    this.#mayTakeNext = true;
    this.#resume();
  }

  /** The grant ends when the record that was admitted with it, and all records before it, have left. */
  #endGrantIfEmpty(): void {
    if (this.hasAdmitted && this.#recordBytes <= 0) this.#budget.endGrant(this);
  }
}
