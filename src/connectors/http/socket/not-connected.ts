/** No connection, for a reason that Millrace itself has found. The message is whole: it says what to do. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
  /** Whether another call fails as well, until the configuration or the network is changed: it is not retried. */
  readonly final: boolean;

  constructor(message: string, { final }: { readonly final: boolean }) {
    super(message);
    this.final = final;
  }
}
