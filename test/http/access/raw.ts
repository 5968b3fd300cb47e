import { WireClient } from '../wire-client.ts';

/** A response as it came over the connection. */
export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends these bytes on a connection of their own, and closes it when the first response is complete. */
export async function raw(port: number, ...lines: readonly string[]): Promise<RawResponse> {
  const client = await WireClient.open(port);
  client.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  await client.untilEnded();
  client.socket.destroy();
  const [head = '', ...body] = client.received.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]), head, body: body.join('\r\n\r\n') };
}
