import { createServer, type Server } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../../src/core/call/cancellation.ts';
import { httpEnd, listen, openHttp } from '../far-end.ts';
import { resolved } from '../resolved.ts';

const name = 'crm.test';

/** A listener whose connections are counted, at the address that no call may reach. */
async function trap(): Promise<{ readonly port: string; readonly reached: () => number }> {
  const server: Server = createServer((socket) => socket.destroy());
  const { origin, sockets } = await listen(server);
  return { port: new URL(origin).port, reached: () => sockets.length };
}

describe.each(['lean', 'undici'])('with client: %s', (client) => {
  const denied = { client, denyAddresses: ['127.0.0.0/8'] };

  test('no connection is opened to a name that leads to a denied address, and the error is final', async () => {
    const { port, reached } = await trap();
    resolved(name, () => ['127.0.0.1']);
    const { ask } = await openHttp({ url: `http://${name}:${port}/x`, ...denied });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: `cannot connect to http://crm.test:${port}: crm.test leads to a refused address (127.0.0.1: denyAddresses has 127.0.0.0/8); if that is meant, change denyAddresses, or list every permitted address in allowAddresses`,
      details: { final: true, lookup: 'airport' },
    });
    expect(reached()).toBe(0);
  });

  test('no handshake of TLS begins with a denied address', async () => {
    const { port, reached } = await trap();
    resolved(name, () => ['127.0.0.1']);
    const { ask } = await openHttp({ url: `https://${name}:${port}/x`, ...denied });
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable', details: { final: true } });
    expect(reached()).toBe(0);
  });

  test('the metadata of the cloud is denied by default, in every spelling of its address', async () => {
    const addresses = ['169.254.169.254', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', 'fd00:ec2::254'];
    resolved(name, () => addresses);
    const { ask } = await openHttp({ url: `http://${name}/latest/meta-data/`, client });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('crm.test leads to refused addresses (169.254.169.254: ') as string,
    });
  });

  test('of several addresses only those are tried that are not denied', async () => {
    const { origin } = await httpEnd((_, response) => response.end('"permitted"'));
    const { port } = new URL(origin);
    resolved(name, () => ['127.0.0.2', '169.254.169.254', '127.0.0.1']);
    const { ask } = await openHttp({
      url: `http://${name}:${port}/x`,
      client,
      denyAddresses: ['127.0.0.2', 'link-local'],
    });
    expect((await ask()).json).toBe('"permitted"');
  });

  test('a name whose answer changes between two connections is checked for each of them (DNS rebinding)', async () => {
    const { origin, sockets } = await httpEnd((_, response) => {
      response.setHeader('connection', 'close');
      response.end('"first"');
    });
    const { port } = new URL(origin);
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']];
    resolved(name, () => answers.shift() ?? []);
    const { ask } = await openHttp({ url: `http://${name}:${port}/x`, client });
    expect((await ask()).json).toBe('"first"');
    await expect(ask()).rejects.toMatchObject({ code: 'unreachable', details: { final: true } });
    expect((await ask()).json).toBe('"first"');
    expect(sockets).toHaveLength(2);
  });

  test('an address is resolved once for a connection: the checked one is the one that is connected', async () => {
    const { origin } = await httpEnd((_, response) => response.end('"checked"'));
    const { port } = new URL(origin);
    let resolutions = 0;
    resolved(name, () => (++resolutions === 1 ? ['127.0.0.1'] : ['127.0.0.9']));
    const { ask } = await openHttp({ url: `http://${name}:${port}/x`, client, allowAddresses: ['127.0.0.1'] });
    expect((await ask()).json).toBe('"checked"');
    expect(resolutions).toBe(1);
  });

  test('with allowAddresses a name that leads elsewhere is refused', async () => {
    const { port, reached } = await trap();
    resolved(name, () => ['127.0.0.1']);
    const { ask } = await openHttp({ url: `http://${name}:${port}/x`, client, allowAddresses: ['10.0.0.0/8'] });
    await expect(ask()).rejects.toMatchObject({
      message: expect.stringContaining('(127.0.0.1: it is not in allowAddresses)') as string,
    });
    expect(reached()).toBe(0);
  });

  test('a name that is not known is reported as before', async () => {
    const { ask } = await openHttp({ url: 'http://not-known.invalid/', client });
    await expect(ask()).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/the name is not known|the resolver does not answer/) as string,
    });
  });
});

test('the real resolver: localhost is denied with the kind loopback', async () => {
  const { port, reached } = await trap();
  const { connector } = await openHttp({ url: `http://localhost:${port}/x`, denyAddresses: ['loopback'] });
  await expect(connector.reach(new Cancellation())).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/localhost leads to .*denyAddresses has loopback/) as string,
    details: { final: true },
  });
  expect(reached()).toBe(0);
});
