import { describe, expect, test } from 'vitest';
import { httpEnd, tcpEnd } from '../connectors/http/far-end.ts';
import { resolved } from '../connectors/http/resolved.ts';
import { linesOf, startInProcess } from '../service/in-process.ts';

/** A server that no call may reach. */
async function trap(): Promise<{ readonly origin: string; readonly reached: () => number }> {
  const { origin, sockets } = await tcpEnd((socket) => socket.destroy());
  return { origin, reached: () => sockets.length };
}

const step = { lookup: 'far', with: { key: '/key' }, into: '/answer' };

describe.each(['lean', 'undici'])('API7 Server Side Request Forgery, client: %s', (client) => {
  test('no value of a record changes the host, the port, the method or the path of a call', async () => {
    const aim = await trap();
    const host = new URL(aim.origin).host;
    const calls: string[] = [];
    const far = await httpEnd((request, response) => {
      calls.push(`${request.method} ${request.headers.host} ${request.url}`);
      response.end('1');
    });
    const { enrich } = await startInProcess(
      { far: { http: { url: `${far.origin}/airports/{key}/name`, client } } },
      { enrich: [step] },
    );
    const values = [
      `@${host}/`,
      `//${host}/`,
      `/../../admin`,
      `..`,
      `.`,
      `%2e%2e`,
      `..\\..\\admin`,
      `?admin=1`,
      `#`,
      `;a=b`,
      `:80`,
      `http://${host}/`,
      `x HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /admin`,
      `\u0000`,
      `\u2028`,
      `\uff0e\uff0e\uff0f`,
    ];
    const lines = linesOf(await enrich(values.map((key) => `${JSON.stringify({ key })}\n`).join('')));
    expect(lines.map(({ key }) => key)).toEqual(values);
    const sent = lines.filter((line) => 'answer' in line);
    // A segment of dots alone names another resource, however it is written, so such a record makes no call.
    expect(lines.filter((line) => !('answer' in line))).toMatchObject([
      { key: '..', _error: { code: 'missing_argument' } },
      { key: '.', _error: { code: 'missing_argument' } },
    ]);
    const own = new URL(far.origin).host;
    expect(calls.toSorted()).toEqual(
      values
        .filter((value) => sent.some(({ key }) => key === value))
        .map((value) => `GET ${own} /airports/${encodeURIComponent(value)}/name`)
        .toSorted(),
    );
    expect(aim.reached()).toBe(0);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed: its record fails', async (status) => {
    const aim = await trap();
    const far = await httpEnd((_, response) => response.writeHead(status, { location: `${aim.origin}/secret` }).end());
    const { enrich } = await startInProcess(
      { far: { http: { url: `${far.origin}/{key}`, client } } },
      { enrich: [step] },
    );
    expect(linesOf(await enrich('{"key":"a"}\n'))).toMatchObject([{ _error: { code: 'bad_status', status } }]);
    expect(aim.reached()).toBe(0);
  });

  test('a name that leads to the metadata of the cloud or to a link-local address is not connected, by default', async () => {
    resolved('crm.test', () => ['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', '0.0.0.0']);
    const { enrich, admin } = await startInProcess(
      { far: { http: { url: 'http://crm.test/{key}', client }, retry: { attempts: 2 } } },
      { enrich: [step] },
    );
    expect(linesOf(await enrich('{"key":"latest"}\n'))).toMatchObject([
      { _error: { code: 'unreachable', attempts: 1, message: expect.stringContaining('refused addresses') } },
    ]);
    expect(await admin.metric('millrace_lookup_connections')).toBe(0);
  });

  test('with denyAddresses a name that leads to this machine is not connected', async () => {
    const aim = await trap();
    const { enrich } = await startInProcess(
      {
        far: {
          http: { url: `http://localhost:${new URL(aim.origin).port}/{key}`, client, denyAddresses: ['loopback'] },
        },
      },
      { enrich: [step] },
    );
    expect(linesOf(await enrich('{"key":"a"}\n'))).toMatchObject([
      { _error: { code: 'unreachable', message: expect.stringContaining('denyAddresses has loopback') } },
    ]);
    expect(aim.reached()).toBe(0);
  });
});
