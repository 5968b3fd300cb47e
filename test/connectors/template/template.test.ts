import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileBody } from '../../../src/connectors/template/body-template.ts';
import { headerText } from '../../../src/connectors/template/argument.ts';
import { parseTemplate, Template } from '../../../src/connectors/template/template.ts';
import { compileUrl } from '../../../src/connectors/template/url-template.ts';
import { RawJson, type Argument, type Arguments } from '../../../src/lookup/lookup.ts';
import { httpEnd, openHttp } from '../http/far-end.ts';

const url = (template: string, args: Arguments, query: Record<string, string> = {}): string =>
  compileUrl(template, query).render(args);
const body = (template: Parameters<typeof compileBody>[0], args: Arguments, type?: string): string =>
  compileBody(template, type).template.render(args);

const header = (value: Argument): string => Template.of(parseTemplate('a {x}'), headerText).render({ x: value });

describe('a template', () => {
  test('is divided at its arguments, and doubled braces are braces', () => {
    expect(parseTemplate('a{{b}}{c}{d}e')).toEqual(['a{b}', { variable: 'c' }, { variable: 'd' }, 'e']);
  });

  test.each(['{', '}', 'a{b', 'a}b', '{}', '{a b}', '{*}', '{1}'])('%s is a problem', (text) => {
    expect(() => parseTemplate(text)).toThrow(/brace|closes nothing/);
    expect(parseTemplate('{ok}')).toEqual([{ variable: 'ok' }]);
  });
});

describe('a url', () => {
  test('has its scheme, host and port only from the configuration', () => {
    expect(compileUrl('http://h:9000/a/{x}?y={z}')).toMatchObject({ origin: 'http://h:9000', parameters: ['x', 'z'] });
    for (const wrong of ['http://{h}/', 'http://h:{p}/', 'http://{h}.example.org/x', 'http://a{h}']) {
      expect(() => compileUrl(wrong)).toThrow(/literal/);
    }
    for (const wrong of ['{u}', '{s}://h/', '/x', 'h/x', 'ftp://h/x', 'http:///x']) {
      expect(() => compileUrl(wrong)).toThrow(/expected http/);
    }
    expect(() => compileUrl('http://me:pw@h/x')).toThrow(/auth\.basic/);
    expect(() => compileUrl('http://h/x#y')).toThrow(/fragment/);
    expect(() => compileUrl('http://h:99999/x')).toThrow(/host and port/);
  });

  test.each([
    ['http://h', {}, '/'],
    ['http://h?a=b', {}, '/?a=b'],
    ['http://h/a b/ü%20/{x}', { x: 'y' }, '/a%20b/%C3%BC%20/y'],
    ['http://h/{x}', { x: '../a/b?c#d%2e' }, '/..%2Fa%2Fb%3Fc%23d%252e'],
    ['http://h/{x}.json', { x: '..' }, '/...json'],
    ['http://h/{a}-{b}/{c}', { a: '', b: '', c: 1.5 }, '/-/1.5'],
    ['http://h/x?q={q}&r=1', { q: 'a b&c=d+é' }, '/x?q=a%20b%26c%3Dd%2B%C3%A9&r=1'],
    ['http://h/{{{x}}}', { x: true }, '/%7Btrue%7D'],
    ['http://h/{n}', { n: new RawJson('12345678901234567890') }, '/12345678901234567890'],
  ])('%s with %j is %s', (template, args: Arguments, expected) => {
    expect(url(template, args)).toBe(expected);
  });

  test('adds the query map after its own query', () => {
    expect(url('http://h/x?a=1', { b: 'x&y' }, { 'k&': 'v {b}', c: '' })).toBe('/x?a=1&k%26=v%20x%26y&c=');
  });

  test.each([
    ['http://h/{x}', { x: '' }],
    ['http://h/{x}', { x: '.' }],
    ['http://h/{x}/y', { x: '..' }],
    ['http://h/.{x}', { x: '.' }],
    ['http://h/.{x}', { x: '' }],
    ['http://h/%2E{x}', { x: '.' }],
    ['http://h/{x}{y}', { x: '.', y: '.' }],
    ['http://h/{x}{y}', { x: '', y: '' }],
  ])('%s refuses %j, which would name another resource', (template, args: Arguments) => {
    expect(() => url(template, args)).toThrow(/argument "x.*another resource/);
  });

  test('names the argument, the rule and the value it refuses', () => {
    expect(() => url('http://h/{x}', { x: new RawJson('[1,2]') })).toThrow(
      'argument "x" cannot be an object or an array here: [1,2]',
    );
    expect(() => url('http://h/{x}', { x: '\ud800' })).toThrow(/argument "x".*surrogate.*ud800/);
    expect(() => url('http://h/{constructor}', {})).toThrow('argument "constructor" is missing');
  });

  test('shows constants with secret names as stars, and values of the record as they are', () => {
    const compiled = compileUrl('http://h/{x}?api_key=abc&token={x}', { password: 'p', q: '1' });
    expect(compiled.renderShown({ x: 'v' })).toBe('/v?api_key=***&token=v&password=***&q=1');
  });
});

describe('a header', () => {
  test('takes Latin-1', () => {
    expect(header('é b')).toBe('a é b');
  });

  test.each(['\r\nx: y', '\n', '\0', '\t', '\u007f', '€', ' a', 'a '])('refuses %j', (value) => {
    expect(() => header(value)).toThrow(/argument "x".*header/);
  });
});

describe('a body', () => {
  test('replaces a string that is exactly the name of an argument by its JSON value', () => {
    const template = { a: '{s}', b: ['{n}', '{t}', '{o}', 1, null, 'x'], 'k{n}': { c: 'is {s}, {o}', d: '{{s}}' } };
    const args = { s: 'a"b', n: 7, t: true, o: new RawJson('{"z":1.0}') };
    expect(body(template, args)).toBe(
      String.raw`{"a":"a\"b","b":[7,true,{"z":1.0},1,null,"x"],"k7":{"c":"is a\"b, {\"z\":1.0}","d":"{s}"}}`,
    );
  });

  test('that is text escapes arguments as its content type asks', () => {
    const args = { x: `"<&é'` };
    expect(body('v={x}', args, 'application/x-www-form-urlencoded')).toBe("v=%22%3C%26%C3%A9'");
    expect(body('<v a="{x}"/>', args, 'application/soap+xml; charset=utf-8')).toBe('<v a="&quot;&lt;&amp;é&apos;"/>');
    expect(body('{{"v":"{x}"}}', args, 'application/vnd.x+json')).toBe(String.raw`{"v":"\"<&é'"}`);
    expect(body('{x}!', args)).toBe(`"<&é'!`);
  });

  test('that is XML keeps line breaks and tabs, which a reader would change', () => {
    expect(body('<v a="{x}">{x}</v>', { x: 'a\r\nb\tc' }, 'text/xml')).toBe(
      '<v a="a&#13;&#10;b&#9;c">a&#13;&#10;b&#9;c</v>',
    );
    for (const x of ['\u0001', '\uFFFE', '\uFFFF'])
      expect(() => body('<v>{x}</v>', { x }, 'text/xml')).toThrow(/"x".*XML/);
  });

  test('of JSON is JSON for any arguments', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, value) => {
        const rendered = body(
          { a: '{t}', b: 'x{t}y', c: ['{v}'], 'k{t}': 1 },
          { t: text, v: new RawJson(JSON.stringify(value)) },
        );
        const parsed: unknown = JSON.parse(rendered);
        expect(parsed).toMatchObject({ b: `x${text}y`, c: [JSON.parse(JSON.stringify(value))] });
      }),
    );
  });
});

test('a server receives every argument unchanged, in a segment and in the query', async () => {
  const { origin } = await httpEnd((request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const segments = path.split('/').map(decodeURIComponent);
    const pairs = new URLSearchParams(query);
    response.end(JSON.stringify({ segments, q: pairs.get('q'), r: pairs.get('r'), count: pairs.size }));
  });
  const { ask } = await openHttp({ url: `${origin}/a/{x}/pre{x}post?q={x}`, query: { r: '[{x}]' } });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('...', '%2e', '/', '\\', '\0', '?#'),
      ),
      async (x) => {
        fc.pre(x !== '' && x !== '.' && x !== '..' && x.isWellFormed());
        const { json } = await ask({ x });
        expect(JSON.parse(json ?? '')).toEqual({ segments: ['', 'a', x, `pre${x}post`], q: x, r: `[${x}]`, count: 2 });
      },
    ),
    { numRuns: 300 },
  );
});
