/** A place for lines of the output: a file, or standard output. Calls follow one another; each waits for the one before. */
export interface Target {
  /** For messages. */
  readonly name: string;
  /** Comes before the first `write` or `commit`: removes what an earlier run left. */
  begin(): Promise<void>;
  /** Takes whole lines. */
  write(bytes: Buffer): Promise<void>;
  /** The lines so far are final. Resolves with the length of the file, or with 0. */
  commit(): Promise<number>;
  /** Removes the lines since the last commit. */
  rollback(): Promise<void>;
  /** Writes what is left, and closes the target. The lines since the last commit are kept. */
  close(): Promise<void>;
}
