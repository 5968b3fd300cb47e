import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openApiDocument } from '../../src/http/openapi/openapi-document.ts';
import { parameterNames } from '../../src/http/parameters.ts';
import { codes, page, rows, section } from './pages.ts';

const http = page('http.md');

test('docs/http.md has every parameter of a stream, and no other', () => {
  const documented = rows(section(http, '### Parameters')).map(([name]) => codes(name)[0]);
  expect(documented).toEqual([...parameterNames]);
});

test('docs/http.md has every route of the OpenAPI document, and the routes of the document itself', async () => {
  const { paths }: { paths: Record<string, Record<string, unknown>> } = parse(await openApiDocument('0.0.0'));
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((member) => member !== 'servers')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  const documented = rows(http)
    .flatMap(([route]) => codes(route))
    .filter((code) => /^[A-Z]+ \//.test(code));
  expect(documented.toSorted()).toEqual(
    [...described, 'GET /openapi.json', 'GET /openapi-3.1.json', 'GET /openapi.yaml', 'GET /docs'].toSorted(),
  );
});
