import { describe, expect, test } from 'vitest';
import { parseJson } from '../../../src/core/json/json.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';
import type { LogLevel } from '../../../src/core/vocabulary.ts';
import { createLogger } from '../../../src/observability/log/logger.ts';

function logging(level: LogLevel): { readonly lines: string[]; readonly logger: ReturnType<typeof createLogger> } {
  const lines: string[] = [];
  const secrets = new Secrets();
  return { lines, logger: createLogger({ level, destination: { write: (line) => void lines.push(line) }, secrets }) };
}

describe('the log', () => {
  test('writes one JSON object per line, with the name of the level and the time in ISO 8601', () => {
    const { lines, logger } = logging('info');
    logger.info({ pipeline: 'flights' }, 'stream ended');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    const line = parseJson(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'info', pipeline: 'flights', msg: 'stream ended' });
    expect(line).toHaveProperty('time', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/));
  });

  test('leaves out lines below its level', () => {
    const { lines, logger } = logging('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines).toHaveLength(1);
    const { lines: none, logger: silent } = logging('silent');
    silent.fatal('nothing');
    expect(none).toHaveLength(0);
  });

  test('never shows a credential, at any depth', () => {
    const { lines, logger } = logging('info');
    const headers = { authorization: 'Bearer s3cret', cookie: 's3cret', 'proxy-authorization': 's3cret', accept: 'x' };
    logger.info({ headers, authorization: 's3cret', password: 's3cret' });
    logger.info({ req: { headers } });
    logger.info({ lookup: { auth: { token: 's3cret' }, headers: { Authorization: 's3cret', 'x-api-key': 's3cret' } } });
    expect(lines.join('')).not.toContain('s3cret');
    expect(lines.join('')).toContain('[redacted]');
    expect(lines[0]).toContain('"accept":"x"');
  });

  test('shows no credential inside a text, a message or an error, and stays JSON', () => {
    const { lines, logger } = logging('info');
    const url = 'https://me:s3cret@far.example:8443/a?page=1&api_key=s3cret&q=2#end';
    logger.warn({ err: new Error(`no answer from ${url}`), url, detail: `"${url}"` }, `cannot reach ${url}`);
    logger.info(
      { header: 'Bearer s3cret.s3cret-s3cret==', other: 'Basic bWU6czNjcmV0' },
      'Basic authentication failed',
    );
    logger.info({ from: 'http://far.example/', to: 'a@b.example' }, 'http://far.example "@"');
    expect(lines.join('')).not.toMatch(/s3cret|czNj/);
    const [warned, said, harmless] = lines.map((line) => parseJson(line));
    expect(warned).toMatchObject({ url: 'https://***@far.example:8443/a?page=1&api_key=***&q=2#end' });
    expect(said).toMatchObject({ header: 'Bearer ***', other: 'Basic ***', msg: 'Basic authentication failed' });
    expect(harmless).toMatchObject({ from: 'http://far.example/', to: 'a@b.example', msg: 'http://far.example "@"' });
  });
});
