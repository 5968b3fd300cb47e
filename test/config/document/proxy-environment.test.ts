import { describe, expect, test } from 'vitest';
import { withProxies } from '../../../src/config/document/proxy-environment.ts';
import { pathKey, valueAt } from '../../../src/config/document/path.ts';

type Environment = Readonly<Record<string, string>>;

/** The proxy that a lookup gets, and the variable that it comes from. */
function chosen(http: object, env: Environment, path: readonly string[] = ['proxy']): readonly [unknown, unknown] {
  const tree = { lookups: { far: { http } } };
  const { value, origins } = withProxies({ value: tree, origins: new Map(), findings: [] }, env);
  const at = ['lookups', 'far', 'http', ...path];
  return [valueAt(value, at), origins.get(pathKey(at))];
}

const both = { HTTP_PROXY: 'http://plain.proxy:3128', HTTPS_PROXY: 'http://me:s3cret@secure.proxy:3128' };

describe('a lookup without a proxy of its own has', () => {
  test('that of HTTP_PROXY for http, and that of HTTPS_PROXY for https', () => {
    expect(chosen({ url: 'http://crm.example/{id}' }, both)).toEqual([
      both.HTTP_PROXY,
      'environment variable HTTP_PROXY',
    ]);
    expect(chosen({ url: 'https://crm.example/{id}' }, both)).toEqual([
      both.HTTPS_PROXY,
      'environment variable HTTPS_PROXY',
    ]);
  });

  test('none if the environment names none, or an empty one', () => {
    for (const env of [{}, { HTTPS_PROXY: both.HTTPS_PROXY }, { HTTP_PROXY: '', http_proxy: ' ' }])
      expect(chosen({ url: 'http://crm.example/' }, env)).toEqual([undefined, undefined]);
  });

  test('that of a variable in lower case rather than in upper case', () => {
    const env = { ...both, http_proxy: 'https://lower.proxy' };
    expect(chosen({ url: 'http://crm.example/' }, env)).toEqual([
      'https://lower.proxy',
      'environment variable http_proxy',
    ]);
  });

  test('one over http if the variable has no scheme', () => {
    expect(chosen({ url: 'http://crm.example/' }, { HTTP_PROXY: 'me:s3cret@proxy:3128' })[0]).toBe(
      'http://me:s3cret@proxy:3128',
    );
  });

  test.each([['localhost'], ['a.localhost'], ['127.0.0.1'], ['127.1.2.3'], ['[::1]'], ['0x7f000001']])(
    'none for %s',
    (host) => {
      expect(chosen({ url: `http://${host}:9000/x` }, both)).toEqual([undefined, undefined]);
    },
  );
});

test.each([['none'], ['http://own.proxy'], [7], [null]])('a lookup with proxy %j keeps it', (proxy) => {
  expect(chosen({ url: 'http://crm.example/', proxy }, both)).toEqual([proxy, undefined]);
});

test('what is no lookup over HTTP stays as it is', () => {
  const value = {
    lookups: { rows: { table: { file: 'a.csv' } }, odd: 7, bad: { http: { url: 9 } }, half: { http: {} } },
  };
  expect(withProxies({ value, origins: new Map(), findings: [] }, both).value).toEqual(value);
  expect(withProxies({ value: null, origins: new Map(), findings: [] }, both).value).toBeNull();
});

describe('NO_PROXY', () => {
  test.each([
    ['*', 'http://crm.example/'],
    ['crm.example', 'http://crm.example/'],
    ['.crm.example', 'http://crm.example/'],
    ['example', 'http://crm.example/'],
    ['.example', 'http://a.b.example/'],
    ['*.example', 'http://a.b.example/'],
    ['CRM.Example.', 'http://crm.example./'],
    ['other, crm.example', 'http://crm.example/'],
    ['other crm.example', 'http://crm.example/'],
    ['crm.example:8080', 'http://crm.example:8080/'],
    ['crm.example:80', 'http://crm.example/'],
    ['crm.example:443', 'https://crm.example/'],
    ['10.0.0.0/8', 'http://10.20.30.40/'],
    ['10.20.30.40', 'http://10.20.30.40:8080/'],
    ['10.20.30.40:8080', 'http://10.20.30.40:8080/'],
    ['fd00::/8', 'http://[fd12::1]/'],
    ['[fd12::1]', 'http://[fd12::1]/'],
    ['[fd12::1]:80', 'http://[fd12::1]/'],
  ])('%s excepts %s', (list, url) => {
    expect(chosen({ url }, { ...both, NO_PROXY: list })[0]).toBeUndefined();
  });

  test.each([
    ['crm.example', 'http://my-crm.example/'],
    ['rm.example', 'http://crm.example/'],
    ['crm.example', 'http://crm.example.org/'],
    ['crm.example:8080', 'http://crm.example/'],
    ['10.0.0.0/8', 'http://11.0.0.1/'],
    ['10.0.0.0/8', 'http://crm.example/'],
    ['10.20.30.40:8080', 'http://10.20.30.40/'],
    ['a*', 'http://a.example/'],
    [',, ,', 'http://crm.example/'],
  ])('%s does not except %s', (list, url) => {
    expect(chosen({ url }, { ...both, no_proxy: list })[0]).toBeDefined();
  });
});

function withToken(url: string, tokenUrl: string, own: object = {}): object {
  return { url, auth: { oauth2: { tokenUrl } }, ...own };
}

describe('the requests for access tokens of a lookup', () => {
  const path = ['auth', 'oauth2', 'proxy'];

  test('have the proxy of the environment for their own address', () => {
    const env = { ...both, NO_PROXY: 'inside.example' };
    expect(chosen(withToken('http://crm.example/', 'https://login.example/token'), env, path)[0]).toBe(
      both.HTTPS_PROXY,
    );
    expect(chosen(withToken('http://crm.example/', 'https://inside.example/token'), env, path)[0]).toBe('none');
    expect(chosen(withToken('http://inside.example/', 'https://login.example/token'), env, path)[0]).toBe(
      both.HTTPS_PROXY,
    );
    expect(chosen(withToken('http://inside.example/', 'https://inside.example/token'), env, path)[0]).toBeUndefined();
  });

  test('have that of the lookup if it has one of its own', () => {
    const http = withToken('http://crm.example/', 'https://login.example/token', { proxy: 'http://own.proxy' });
    expect(chosen(http, both, path)[0]).toBeUndefined();
  });
});
