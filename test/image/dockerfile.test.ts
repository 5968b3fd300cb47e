import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../docs/pages.ts';

/** Checks the parts of the Dockerfile that can be checked without a build. `npm run test:image` builds and runs the image. */
interface Instruction {
  readonly name: string;
  readonly text: string;
}

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

const instructions: readonly Instruction[] = dockerfile
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.split(' ')[0] ?? '', text: line.slice(line.indexOf(' ') + 1).trim() }));

const stages = instructions.reduce<Instruction[][]>((all, instruction) => {
  if (instruction.name === 'FROM') all.push([]);
  all.at(-1)?.push(instruction);
  return all;
}, []);
const last = stages.at(-1) ?? [];

function only(name: string): string {
  const found = last.filter((instruction) => instruction.name === name);
  expect(found.map((instruction) => instruction.name)).toEqual([name]);
  return found[0]?.text ?? '';
}

function execForm(text: string): readonly string[] {
  const parsed: unknown = JSON.parse(text);
  expect(parsed).toBeInstanceOf(Array);
  return parsed as readonly string[];
}

test('the user of the image is a number other than root', () => {
  expect(only('USER')).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
});

test('the image starts its program without a shell', () => {
  const [program = ''] = execForm(only('ENTRYPOINT'));
  expect(program).toMatch(/^\//);
  expect(execForm(only('CMD'))).toEqual(['serve']);
  expect(last.filter(({ name }) => name === 'RUN')).toEqual([]);
});

test('every base image can be chosen at build time', () => {
  const before = instructions.slice(
    0,
    instructions.findIndex(({ name }) => name === 'FROM'),
  );
  const chosen = before.map(({ text }) => text.split('=')[0]);
  const bases = instructions.filter(({ name }) => name === 'FROM').map(({ text }) => text.split(' ')[0]);
  const names = new Set(instructions.filter(({ name }) => name === 'FROM').map(({ text }) => text.split(' AS ')[1]));
  const foreign = bases.filter((base) => !names.has(base));
  expect(foreign).toEqual(['${BUILD_IMAGE}', '${RUNTIME_IMAGE}']);
  expect(chosen).toEqual(['BUILD_IMAGE', 'RUNTIME_IMAGE']);
});

test('the image has only the build, production dependencies and optional peers, and no other file of the clone', () => {
  const copies = last.filter(({ name }) => name === 'COPY').map(({ text }) => text);
  expect(copies.filter((text) => !text.startsWith('--from='))).toEqual([]);
  const build = copies.filter((text) => text.startsWith('--from=build ')).map((text) => text.split(' ')[1]);
  expect(build).toEqual(['/build/dist']);
  const installs = instructions.filter(({ name, text }) => name === 'RUN' && text.includes('npm ci'));
  expect(installs.map(({ text }) => text.includes('--omit=dev'))).toEqual([false, true]);
  expect(installs[1]?.text).toMatch(
    /node scripts\/production\.ts \/production && cd \/production\s+&& npm ci --omit=dev/,
  );
  expect(installs.filter(({ text }) => !text.includes('--mount=type=cache,target=/root/.npm'))).toEqual([]);
  expect(installs.filter(({ text }) => !text.includes('--ignore-scripts'))).toEqual([]);
});

test('the label has the version of the package', () => {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(last).toContainEqual({ name: 'ARG', text: `VERSION=${version}` });
  const labels = Array.from(only('LABEL').matchAll(/org\.opencontainers\.image\.(\w+)=/g), ([, label]) => label);
  expect(labels).toEqual(['title', 'description', 'licenses', 'version', 'revision', 'created']);
});

test('.dockerignore includes exactly the files that the build copies', () => {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const copied = stages
    .slice(0, -1)
    .flat()
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--'))
    .flatMap(({ text }) => text.split(' ').slice(0, -1));
  expect(rules[0]).toBe('*');
  expect(rules.slice(1).toSorted()).toEqual([...new Set(copied)].map((name) => `!${name}`).toSorted());
  expect(copied.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});

/** Runs the health check of the image against a server that answers /readyz with `status`, and other paths with 404. */
async function healthCheck(status: number | undefined): Promise<number | null> {
  const [, ...args] = execForm(only('HEALTHCHECK').split(' CMD ')[1]?.trim() ?? '');
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/readyz' ? (status ?? 500) : 404).end();
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (status === undefined) {
    server.close();
    await once(server, 'close');
  }
  const child = spawn(process.execPath, args, {
    env: { ...process.env, MILLRACE_SERVER_ADMIN_PORT: String(port) },
    stdio: 'ignore',
  });
  const [code] = await once(child, 'close');
  return code as number | null;
}

test.each([
  ['ready', 200, 0],
  ['draining', 503, 1],
  ['not there', undefined, 1],
])('the health check of a service that is %s', async (_, status, code) => {
  expect(await healthCheck(status)).toBe(code);
});

/** The largest heap that V8 may use, in bytes, including the young generation. */
function heapLimit(options: string, args: readonly string[]): string {
  return spawnSync(process.execPath, [...args, '-p', 'v8.getHeapStatistics().heap_size_limit'], {
    env: { PATH: process.env['PATH'], NODE_OPTIONS: options },
    encoding: 'utf8',
  }).stdout;
}

test('a semi-space size on the command line has priority over NODE_OPTIONS', () => {
  const four = ['--max-semi-space-size=4'];
  const large = '--max-semi-space-size=64';
  expect(heapLimit(large, four)).toBe(heapLimit('', four));
  expect(heapLimit(large, [])).not.toBe(heapLimit('', four));
});
