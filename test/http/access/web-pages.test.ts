import { describe, expect, test } from 'vitest';
import { isPreflight, preflightFields, visitorOf } from '../../../src/http/access/web-pages.ts';

const arrival = { authority: 'millrace.example:8080', hostChecked: false, encrypted: false };
const rules = { origins: new Set(['https://app.example']), provesHost: false };
const own = 'http://millrace.example:8080';

const at = (authority: string, encrypted: boolean) => ({ authority, hostChecked: false, encrypted });

describe('a request is taken as one of the listener itself', () => {
  test.each([
    [{}],
    [{ 'sec-fetch-site': 'none' }],
    [{ 'sec-fetch-site': 'same-origin' }],
    [{ origin: own }],
    [{ origin: own, 'sec-fetch-site': 'same-origin' }],
    [{ origin: 'https://millrace.example:8080', 'sec-fetch-site': 'same-origin' }],
  ])('with %j', (headers) => {
    expect(visitorOf(headers, arrival, rules)).toBe('own');
  });

  test('whether its port is written or not, if it is that of the scheme', () => {
    expect(visitorOf({ origin: 'http://a.example' }, at('a.example:80', false), rules)).toBe('own');
    expect(visitorOf({ origin: 'https://a.example' }, at('A.example:443', true), rules)).toBe('own');
    expect(visitorOf({ origin: 'http://a.example' }, at('a.example:443', false), rules)).toBe('foreign');
    expect(visitorOf({ origin: 'https://a.example' }, at('a.example:80', true), rules)).toBe('foreign');
  });
});

describe('a request is taken as one of a foreign page', () => {
  test.each([
    [{ origin: 'null' }],
    [{ origin: '' }],
    [{ origin: 'http://other.example' }],
    [{ origin: 'http://millrace.example' }],
    [{ origin: 'http://millrace.example:8081' }],
    [{ origin: 'https://millrace.example:8080' }],
    [{ origin: 'https://millrace.example:8080', 'sec-fetch-site': 'cross-site' }],
    [{ origin: 'http://millrace.example:8080/' }],
    [{ origin: 'http://millrace.example:8080, https://app.example' }],
    [{ origin: 'http://app.example' }],
    [{ origin: 'https://app.example.evil' }],
    [{ origin: 'http://other.example', 'sec-fetch-site': 'same-origin' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ 'sec-fetch-site': 'a value of the future' }],
  ])('with %j', (headers) => {
    expect(visitorOf(headers, arrival, rules)).toBe('foreign');
  });

  test('if its Origin is null, also if all origins are allowed', () => {
    expect(visitorOf({ origin: 'null' }, arrival, { origins: new Set(['*']), provesHost: false })).toBe('foreign');
  });

  test('if it names no host', () => {
    expect(visitorOf({ origin: own }, { ...arrival, authority: undefined }, rules)).toBe('foreign');
  });
});

test('a page of a listed origin is allowed, and every page if all are', () => {
  expect(visitorOf({ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, arrival, rules)).toBe('allowed');
  const all = { origins: new Set(['*']), provesHost: false };
  expect(visitorOf({ origin: 'http://other.example' }, arrival, all)).toBe('allowed');
});

test('where the host has to be proven, a page under a name that was not checked is foreign', () => {
  const strict = { origins: new Set<string>(), provesHost: true };
  expect(visitorOf({ origin: own }, arrival, strict)).toBe('foreign');
  expect(visitorOf({ origin: own }, { ...arrival, hostChecked: true }, strict)).toBe('own');
  const tls = { ...arrival, encrypted: true };
  expect(visitorOf({ origin: 'https://millrace.example:8080' }, tls, strict)).toBe('own');
  for (const host of ['10.1.2.3:8081', '[fe80::1]:8081'])
    expect(visitorOf({ origin: `http://${host}` }, { ...arrival, authority: host }, strict)).toBe('own');
});

test('a preflight is an OPTIONS that names the method of the next request', () => {
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
  expect(isPreflight('OPTIONS', headers)).toBe(true);
  expect(isPreflight('POST', headers)).toBe(false);
  expect(isPreflight('OPTIONS', { origin: 'https://app.example' })).toBe(false);
  expect(isPreflight('OPTIONS', { 'access-control-request-method': 'POST' })).toBe(false);
  expect(preflightFields(headers)).not.toHaveProperty('access-control-allow-private-network');
  expect(preflightFields({ 'access-control-request-private-network': 'true' })).toHaveProperty(
    'access-control-allow-private-network',
    'true',
  );
});
