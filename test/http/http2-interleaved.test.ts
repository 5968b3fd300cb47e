import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { flags, frame, FrameClient, frameTypes as types, headFields, uint32 } from './http2-frames.ts';
import { speakTls } from './spoken.ts';
import { start } from './start.ts';

speakTls();

const INITIAL_WINDOW_SIZE = 4;
const large = uint32(2 ** 30);
const lines = (stream: number, count: number): string =>
  Array.from({ length: count }, (_, line) => `{"key":"${stream}","line":${line},"more":"${'x'.repeat(60)}"}\n`).join(
    '',
  );

/** Frames of 40 streams: the head of each and its first bytes stand between bytes of those before. */
function interleaved(): { bytes: Buffer; bodies: Map<number, string> } {
  const bodies = new Map<number, string>();
  const frames: Buffer[] = [];
  const open: number[] = [];
  for (let stream = 1; stream < 80; stream += 2) {
    frames.push(frame(types.headers, flags.endHeaders, stream, headFields('/v1/enrich/test')));
    open.push(stream);
    for (const [age, one] of open.slice(-8).toReversed().entries()) {
      const body = bodies.get(one) ?? '';
      const part = lines(one, 3 + 10 * age);
      bodies.set(one, body + part);
      frames.push(frame(types.data, 0, one, Buffer.from(part)));
    }
  }
  for (const stream of open) frames.push(frame(types.data, flags.endStream, stream));
  return { bytes: Buffer.concat(frames), bodies };
}

test('bodies are whole whose first bytes arrive with the heads of their streams and with the bytes of others', async () => {
  const echo = { pipeline: { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer', when: 'false' }] } };
  const { port } = await start(echo);
  const { bytes, bodies } = interleaved();
  for (let round = 0; round < 3; round += 1) {
    const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'] });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const client = new FrameClient(socket);
    const settings = Buffer.concat([Buffer.from([0, INITIAL_WINDOW_SIZE]), large]);
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        frame(types.settings, 0, 0, settings),
        frame(types.window, 0, 0, large),
      ]),
    );
    await client.frame(types.settings, 0);
    for (let at = 0; at < bytes.length; at += 100_000) socket.write(bytes.subarray(at, at + 100_000));
    for (const stream of bodies.keys()) {
      while (!client.frames.some((one) => one.stream === stream && (one.flags & flags.endStream) > 0)) {
        await client.next();
      }
    }
    for (const [stream, body] of bodies) expect(client.text(stream) === body).toBe(true);
    socket.destroy();
  }
});
