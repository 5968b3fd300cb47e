/** The connection ended before the answer was whole; `code` says by whom. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly by: 'closed' | 'destroyed';

  constructor(by: 'closed' | 'destroyed', message: string) {
    super(message);
    this.by = by;
  }
}
