import { chownSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { fencesOf } from '../docs/pages.ts';
import { Container, exitOf, root, shell, start, until } from './container.ts';
import { compressedBytes, execute, imageConfig, runc, state, unpacked } from './programs.ts';

const image = 'millrace';
const node = '/usr/local/bin/node';
const url = 'http://127.0.0.1:8080';
const airports = `-v "$PWD/examples/airports-table:/etc/millrace:ro"`;

let passed = 0;
let failed = 0;

function check(promise: string, holds: boolean, seen: unknown = ''): void {
  if (holds) passed += 1;
  else failed += 1;
  process.stdout.write(`${holds ? 'ok    ' : 'FAILED'} ${promise}${holds ? '' : `: ${JSON.stringify(seen)}`}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Gives the number of failed checks. */
export async function testImage(): Promise<number> {
  await documentation();
  whatIsInside();
  await restricted();
  await drains();
  await heap();
  await mountedModule();
  await spools();
  say(`${passed} passed, ${failed} failed`);
  return failed;
}

/** Ends every container of this test that still runs. */
export function endAll(): void {
  if (!existsSync(join(state, 'containers'))) return;
  for (const name of readdirSync(join(state, 'containers')))
    if (exitOf(name) === undefined) runc(['delete', '--force', name]);
}

/** Runs the blocks of docs/docker.md marked `sh image`, in their order, as a reader would type them. */
async function documentation(): Promise<void> {
  let stdout = '';
  let container: Container | undefined;
  for (const { language, marks, text, line } of fencesOf(readFileSync(join(root, 'docs/docker.md'), 'utf8'))) {
    if (marks.includes('output')) check(`docs/docker.md:${line} is the output`, stdout.trim() === text.trim(), stdout);
    if (language !== 'sh' || !marks.includes('image')) continue;
    const ended = await shell(text, container?.running === true ? container : undefined);
    ({ stdout } = ended);
    check(`docs/docker.md:${line} succeeds: ${text.split('\n')[0] ?? ''}`, ended.code === 0, ended);
    if (text.includes('docker run -d')) container = await Container.listening('millrace');
    if (text.includes('curl'))
      check('curl gets the flights back, the four that can be enriched', enriched(stdout) === 4, stdout);
  }
}

function enriched(text: string): number {
  return text.match(/"originAirport":\{"iata":/g)?.length ?? 0;
}

/** The packages of the image, as `name@version`. */
function installed(modules: string): ReadonlySet<string> {
  const manifests = globSync(['**/node_modules/*/package.json', '**/node_modules/@*/*/package.json'], { cwd: modules });
  const own = globSync(['*/package.json', '@*/*/package.json'], { cwd: modules });
  return new Set(
    [...manifests, ...own].map((file) => {
      const { name, version }: { name: string; version: string } = JSON.parse(
        readFileSync(join(modules, file), 'utf8'),
      );
      return `${name}@${version}`;
    }),
  );
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function whatIsInside(): void {
  const rootfs = join(unpacked(image), 'rootfs');
  const application = join(rootfs, 'opt/millrace');
  const sbom: { components: readonly { name: string; version: string }[] } = JSON.parse(
    execute(process.execPath, [join(root, 'scripts/sbom.ts')]),
  );
  const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`));
  const there = installed(join(application, 'node_modules'));
  check('the packages in the image are those of npm run sbom', there.symmetricDifference(listed).size === 0, [
    ...there.symmetricDifference(listed),
  ]);
  const unwanted = globSync(['**/*.d.ts', '**/*.map', 'src', 'test', 'scripts'], { cwd: application });
  check('the image has no sources, types, maps or tests', unwanted.length === 0, unwanted);
  const leaked = ['run/secrets', 'root/.npmrc', 'root/.npm'].filter((name) => existsSync(join(rootfs, name)));
  check('the image has no secret and no cache of the build', leaked.length === 0, leaked);
  const tests = '! -type l ( -uid 65532 -o -perm -002 ! -perm -1000 ) ! -path */dev/*'.split(' ');
  const open = execute('find', [rootfs, '-xdev', ...tests]);
  check('no file in the image belongs to the user or is writable for everyone', open === '', open);
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { Labels, User } = imageConfig(image);
  check('the label has the version', Labels['org.opencontainers.image.version'] === version, Labels);
  check('the user is a number', User === '65532:65532', User);

  const sizeOf = (path: string): number => Number(execute('du', ['-sb', join(rootfs, path)]).split('\t')[0]);
  say(
    `      size ${mebibytes(sizeOf(''))} (Node.js ${mebibytes(sizeOf('usr/local/bin/node'))}, ` +
      `dependencies ${mebibytes(sizeOf('opt/millrace/node_modules'))}, dist ${mebibytes(sizeOf('opt/millrace/dist'))}), ` +
      `as a registry holds it ${mebibytes(compressedBytes(image))}`,
  );
}

async function run(name: string, options: string, command = ''): Promise<Container> {
  const { code } = await shell(`docker run -d --name ${name} ${options} ${image} ${command}`, undefined);
  if (code !== 0) throw new Error(`${name} was not started`);
  return Container.listening(name);
}

async function stopped(container: Container): Promise<number | undefined> {
  await shell(`docker stop -t 40 ${container.name}`, undefined);
  return exitOf(container.name);
}

async function restricted(): Promise<void> {
  const container = await run('restricted', airports);
  const startSeconds = container.ageSeconds;
  const idle = container.mebibytes('VmRSS');
  const [uid, caps, privileges] = [container.status('Uid'), container.status('CapBnd'), container.status('NoNewPrivs')];
  check('it runs as 65532', /^65532\s+65532/.test(uid), uid);
  check('it has no capability and cannot get one', /^0+$/.test(caps) && privileges === '1', { caps, privileges });
  const written = ['/tmp/x', '/opt/millrace/x', '/etc/millrace/x'].filter((path) =>
    container.succeeds([node, '-e', `require('node:fs').writeFileSync('${path}', '')`]),
  );
  check('it cannot write anywhere', written.length === 0, written);
  check('it has started itself again with a bounded heap', boundedBy(container).length === 1, container.commandLine);
  check('its health check succeeds', container.healthy(image));
  check('a hook can start node by its name', container.succeeds(['node', '-e', '0']));
  // 127.0.0.2 is loopback as well, but a service bound to 127.0.0.1 does not answer on it.
  const beside = await shell(`curl -sSf http://127.0.0.2:8080/v1/pipelines http://127.0.0.2:8081/metrics`, container);
  check('service and admin listen on every address', beside.stdout.includes('millrace_build_info'), beside);

  const records = 200_000;
  const lines = readFileSync(join(root, 'examples/airports-table/flights.ndjson'), 'utf8').split('\n', 4);
  const input = join(state, 'flights.ndjson');
  writeFileSync(input, Array.from({ length: records }, (_, index) => `${lines[index % lines.length]}\n`).join(''));
  const { code } = await shell(`curl -sSN -X POST -T ${input} -o ${state}/out ${url}/v1/enrich/flights`, container);
  const count = enriched(readFileSync(join(state, 'out'), 'utf8'));
  check(`a stream of ${records} records is enriched whole`, code === 0 && count === records, { code, count });
  say(
    `      listens after ${startSeconds.toFixed(2)} s; resident ${idle} MiB idle, ` +
      `${container.mebibytes('VmHWM')} MiB at most under ${records} records`,
  );
  check('SIGTERM ends it with exit code 0', (await stopped(container)) === 0);
}

/** A stream that is open when SIGTERM arrives continues to its end. */
async function drains(): Promise<void> {
  const container = await run('drains', airports);
  const client = start(`curl -sSN -X POST -T . ${url}/v1/enrich/flights`, container);
  const closed = once(client, 'close');
  let received = '';
  client.stdout?.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  const flight = '{"origin":"DTW","destination":"LAS"}\n';
  client.stdin?.write(flight);
  await until('the first flight comes back', () => enriched(received) === 1);
  const stopping = stopped(container);
  await until('it drains', () => container.output.includes('draining'));
  check('while it drains its health check fails', !container.healthy(image));
  client.stdin?.end(flight);
  const [code] = await closed;
  check('a stream that runs when SIGTERM arrives is completed', code === 0 && enriched(received) === 2, {
    code,
    received,
  });
  check('after the drain the exit code is 0', (await stopping) === 0, exitOf('drains'));
}

/** The options on the command line of Node.js that bound the young generation. */
function boundedBy({ commandLine }: Container): readonly string[] {
  return commandLine.filter((word) => word.startsWith('--max-semi-space-size='));
}

async function heap(): Promise<void> {
  const byOptions = await run('heap-options', `-e NODE_OPTIONS=--max-semi-space-size=64 ${airports}`);
  check('semi-spaces of NODE_OPTIONS are overridden', boundedBy(byOptions).length === 1, byOptions.commandLine);
  await stopped(byOptions);
  const own = `--max-semi-space-size=4 /opt/millrace/dist/cli/main.js serve`;
  const byCommand = await run('heap-command', `--entrypoint ${node} ${airports}`, own);
  const kept = boundedBy(byCommand).join() === '--max-semi-space-size=4';
  check("semi-spaces of node's own command line are kept", kept, byCommand.commandLine);
  check('started with these options it ends with exit code 0', (await stopped(byCommand)) === 0);
}

async function mountedModule(): Promise<void> {
  const folder = join(state, 'module');
  mkdirSync(folder);
  cpSync(join(root, 'examples/module'), folder, { recursive: true });
  writeFileSync(
    join(folder, 'shout.mjs'),
    `import { RichAsyncFunction } from 'millrace';
     export default class Shout extends RichAsyncFunction {
       asyncInvoke({ word }, result) { result.complete([word.toUpperCase()]); }
     }\n`,
  );
  writeFileSync(
    join(folder, 'millrace.yaml'),
    `lookups: { shout: { module: { file: shout.mjs } } }
pipelines: { words: { timeout: 5s, enrich: [{ lookup: shout, with: { word: /word }, into: /loud }] } }\n`,
  );
  const container = await run('module', `-v ${folder}:/etc/millrace:ro -e MILLRACE_SERVER_ADMIN_PORT=9091`);
  const answer = await shell(
    `echo '{"word":"mill"}' | curl -sSN -X POST --data-binary @- -H content-type:application/x-ndjson ${url}/v1/enrich/words`,
    container,
  );
  check("a mounted module imports 'millrace'", answer.stdout.includes('"loud":"MILL"'), answer);
  check('the health check follows MILLRACE_SERVER_ADMIN_PORT', container.healthy(image));
  check('it ends with exit code 0', (await stopped(container)) === 0);
}

/** Sends all records before it reads, as requests and browsers do. Writes the response to its standard output. */
const lateReader = `
const { readFileSync } = require('node:fs');
const [input, url] = process.argv.slice(2);
const request = require('node:http').request(url, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } });
request.on('response', (response) => {
  const read = () => response.pipe(process.stdout);
  if (request.writableFinished) read(); else request.once('finish', read);
});
request.end(readFileSync(input));`;

/** The spool is in /tmp by default, and in a volume if the environment names it. */
async function spools(): Promise<void> {
  const client = join(state, 'late.cjs');
  writeFileSync(client, lateReader);
  const volume = join(state, 'spool');
  mkdirSync(volume);
  chownSync(volume, 65_532, 65_532);
  for (const [name, options] of [
    ['spool-tmpfs', '--read-only --tmpfs /tmp'],
    ['spool-volume', `--read-only -v ${volume}:/var/spool/millrace -e MILLRACE_SERVER_SPOOL_DIR=/var/spool/millrace`],
  ] as const) {
    const container = await run(name, `${options} ${airports}`);
    const input = join(state, 'flights.ndjson');
    const { code } = await shell(
      `'${process.execPath}' ${client} ${input} '${url}/v1/enrich/flights?duplex=half' > ${state}/out`,
      container,
    );
    const count = enriched(readFileSync(join(state, 'out'), 'utf8'));
    check(
      `${name}: a client that sends 200000 records before it reads gets all of them`,
      code === 0 && count === 200_000,
      {
        code,
        count,
      },
    );
    const metrics = await shell('curl -sSf http://127.0.0.1:8081/metrics', container);
    const spooled = Number(/^millrace_spooled_bytes_total (\S+)$/m.exec(metrics.stdout)?.[1]);
    check(`${name}: megabytes of them were spooled`, spooled > 4_000_000, spooled);
    say(`      ${mebibytes(spooled)} spooled, resident ${container.mebibytes('VmHWM')} MiB at most`);
    check(`${name}: it ends with exit code 0`, (await stopped(container)) === 0);
  }
}
