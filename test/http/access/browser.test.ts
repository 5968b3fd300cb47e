import { describe, expect, test } from 'vitest';
import { startInProcess } from '../../service/in-process.ts';
import { start } from '../start.ts';
import { runPage } from './browser.ts';

/**
 * Everything that a page can do without the consent of a service. `attempts` has for each way whether the page could
 * send the request without an error that it sees (`sent`), or could read its answer (`status`).
 */
const attempts = (url: string, path = '/v1/enrich/test'): string => `
  const url = ${JSON.stringify(url)};
  const enrich = url + ${JSON.stringify(path)};
  const body = '{"key":"1"}\\n';
  const attempts = {};
  const attempt = async (name, send) => {
    const hung = new Promise((resolve) => setTimeout(resolve, 10_000, 'hung'));
    const ended = send().then((response) => response?.status ?? 'sent', () => 'failed');
    attempts[name] = await Promise.race([ended, hung]);
  };
  const element = (name, attribute, value) => () => new Promise((resolve, reject) => {
    const made = document.createElement(name);
    made.onload = () => resolve();
    made.onerror = () => reject(new Error(name));
    made[attribute] = value;
    document.body.append(made);
  });
  const form = (enctype) => () => new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.name = enctype;
    document.body.append(frame);
    const made = document.createElement('form');
    Object.assign(made, { method: 'POST', action: enrich, enctype, target: enctype });
    const input = document.createElement('input');
    Object.assign(input, { name: '{"key":"', value: '1"}' });
    made.append(input);
    document.body.append(made);
    frame.onload = () => resolve();
    made.submit();
  });
  await attempt('fetch with text/plain', () => fetch(enrich, { method: 'POST', body }));
  await attempt('fetch without a type', () => fetch(enrich, { method: 'POST', body: new Blob([body]) }));
  await attempt('fetch with a form', () => fetch(enrich, { method: 'POST', body: new URLSearchParams({ key: '1' }) }));
  await attempt('fetch with ndjson', () =>
    fetch(enrich, { method: 'POST', body, headers: { 'content-type': 'application/x-ndjson' } }));
  await attempt('fetch no-cors', () => fetch(enrich, { method: 'POST', mode: 'no-cors', body: new Blob([body]) }));
  await attempt('fetch GET', () => fetch(url + '/v1/pipelines'));
  await attempt('beacon', async () => void navigator.sendBeacon(enrich, new Blob([body])));
  await attempt('form text/plain', form('text/plain'));
  await attempt('form urlencoded', form('application/x-www-form-urlencoded'));
  await attempt('form multipart', form('multipart/form-data'));
  await attempt('img', element('img', 'src', url + '/v1/pipelines/test'));
  await attempt('script', element('script', 'src', url + '/openapi.json'));
  await attempt('frame', element('iframe', 'src', url + '/v1/pipelines'));
  await attempt('events', () => new Promise((resolve, reject) => {
    const source = new EventSource(url + '/v1/pipelines');
    source.onopen = () => resolve();
    source.onerror = () => { source.close(); reject(new Error('events')); };
  }));
  await attempt('socket', () => new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http', 'ws') + '/v1/pipelines');
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error('socket'));
  }));
`;

/** A form, a frame and a beacon never say whether they reached anything; a request without CORS has no status. */
const withoutResult = {
  'fetch no-cors': 0,
  beacon: 'sent',
  'form text/plain': 'sent',
  'form urlencoded': 'sent',
  'form multipart': 'sent',
  frame: 'sent',
};

const failed = {
  'fetch with text/plain': 'failed',
  'fetch without a type': 'failed',
  'fetch with a form': 'failed',
  'fetch with ndjson': 'failed',
  'fetch GET': 'failed',
  img: 'failed',
  script: 'failed',
  events: 'failed',
  socket: 'failed',
};

describe('a real page of another origin', { timeout: 60_000 }, () => {
  test.each(['page.example', 'localhost'])('from %s reaches no lookup and reads nothing', async (host) => {
    const { url, downstream, refusals, heard } = await start();
    const result = await runPage({ host, script: `${attempts(url)} return attempts;` });
    expect(result).toMatchObject({ ...failed, ...withoutResult });
    expect([downstream.calls, heard.opened, heard.recordsIn]).toEqual([0, 0, 0]);
    // One for each attempt, and nothing else was answered.
    const { forbidden_origin: refused } = refusals.toObject();
    expect(refused).toBeGreaterThanOrEqual(14);
  });

  test('does not reload the configuration, and does not see the state', async () => {
    const { service } = await startInProcess(
      { t: { http: { url: 'http://127.0.0.1:9/{id}' } } },
      { enrich: [{ lookup: 't', with: { id: '/id' }, into: '/a' }] },
    );
    const script = `${attempts(service.adminUrl, '/reload')} return attempts;`;
    expect(await runPage({ host: 'page.example', script })).toMatchObject(failed);
    const metrics = await (await fetch(`${service.adminUrl}/metrics`)).text();
    expect(metrics).not.toMatch(/^millrace_config_reloads_total\{.*\} [1-9]/m);
    expect(Number(/refused_total\{reason="forbidden_origin"\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThanOrEqual(14);
  });

  test('under a name that was rebound to this host reaches no lookup and reads nothing', async () => {
    const { port, downstream, refusals, heard } = await start();
    const result = await runPage({
      host: 'rebound.example',
      rebound: port,
      script: `${attempts('http://rebound.example')}
        const read = await (await fetch('/v1/pipelines')).text();
        return { ...attempts, read };`,
    });
    expect(result).toMatchObject({
      'fetch with text/plain': 421,
      'fetch without a type': 421,
      'fetch with ndjson': 421,
      'fetch no-cors': 421,
      'fetch GET': 421,
      img: 'failed',
      script: 'failed',
      events: 'failed',
      read: expect.stringContaining('"code":"misdirected"'),
    });
    expect([downstream.calls, heard.opened, heard.recordsIn]).toEqual([0, 0, 0]);
    expect(refusals.toObject().misdirected).toBeGreaterThanOrEqual(14);
  });

  test('that is allowed sends a stream with its token, reads it, and reads why another token is refused', async () => {
    const token = 'plain-token-0123456789';
    const { url, downstream } = await start({
      server: { auth: { bearerTokens: [token] }, cors: { origins: ['http://page.example'] } },
    });
    const send = (sent: string): string => `await fetch(${JSON.stringify(`${url}/v1/enrich/test`)}, {
      method: 'POST',
      headers: { authorization: 'Bearer ${sent}', 'content-type': 'application/x-ndjson', 'x-request-id': 'of-the-page' },
      body: '{"key":"1"}\\n',
    })`;
    const result = await runPage({
      host: 'page.example',
      script: `
        const taken = ${send(token)};
        const refused = ${send('another-token-0123456789')};
        return {
          status: taken.status, id: taken.headers.get('x-request-id'), text: await taken.text(),
          refused: refused.status, why: (await refused.json()).code, scheme: refused.headers.get('www-authenticate'),
        };`,
    });
    expect(result).toEqual({
      status: 200,
      id: 'of-the-page',
      text: '{"key":"1","answer":{"found":"1"}}\n',
      refused: 401,
      why: 'unauthorized',
      scheme: 'Bearer error="invalid_token"',
    });
    expect(downstream.calls).toBe(1);
  });
});
