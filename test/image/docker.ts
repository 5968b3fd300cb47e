import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildah, imageConfig, runc, state, unpacked } from './programs.ts';
import { parseRun, type RunOptions, specOf } from './spec.ts';

/**
 * Stands in for `docker`: runs the commands of docs/docker.md with buildah, umoci and runc, which need no daemon.
 *
 *     STATE/                 the folder of one run of the test
 *       overlay/ or vfs/     the storage of buildah, named for its driver
 *       images/NAME/         an image as an OCI layout, and unpacked
 *       containers/NAME/     config.json for runc, the output, and `exit` when the container has ended
 *
 * It is stricter than Docker: every container has a read-only root, no capability and no new privileges.
 */
const containers = join(state, 'containers');

class Usage extends Error {}

function build(args: readonly string[]): number {
  const options: readonly string[] = JSON.parse(process.env['MILLRACE_TEST_BUILD'] ?? '[]');
  // The image format of Docker keeps HEALTHCHECK; the OCI format has no place for it.
  buildah(['bud', '--isolation', 'chroot', '--format', 'docker', ...options, ...args], 'inherit');
  return 0;
}

function folderOf(name: string): string {
  return join(containers, name);
}

async function run(args: readonly string[]): Promise<number> {
  const options = parseRun(args);
  const name = options.name ?? `run-${process.pid}`;
  const folder = folderOf(name);
  if (existsSync(folder)) throw new Usage(`there is a container ${name}`);
  mkdirSync(folder, { recursive: true });
  const bundle = unpacked(options.image);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(specOf(options, bundle, imageConfig(options.image))));
  return options.detached ? detached(name, folder) : attached(name, folder, options);
}

/** A shell waits for the container and writes its exit code to a file, because this command ends before. */
function detached(name: string, folder: string): number {
  const command = 'runc --root "$1" run --bundle "$2" "$3" >"$2/output" 2>&1 </dev/null; echo $? >"$2/exit"';
  const child = spawn('sh', ['-c', command, 'sh', join(state, 'runc'), folder, name], {
    detached: true,
    stdio: 'ignore',
  });
  child.unref();
  process.stdout.write(`${name}\n`);
  return 0;
}

async function attached(name: string, folder: string, { removed }: RunOptions): Promise<number> {
  const child = spawn('runc', ['--root', join(state, 'runc'), 'run', '--bundle', folder, name], { stdio: 'inherit' });
  const code = await new Promise<number>((done) => {
    child.once('exit', (exit) => done(exit ?? 1));
  });
  if (removed) rmSync(folder, { recursive: true });
  else writeFileSync(join(folder, 'exit'), `${code}\n`);
  return code;
}

function exitCodeOf(name: string): number | undefined {
  try {
    const text = readFileSync(join(folderOf(name), 'exit'), 'utf8').trim();
    return text === '' ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

const pollMs = 20;

async function stop(args: readonly string[]): Promise<number> {
  const name = args.at(-1) ?? '';
  const seconds = args[0] === '-t' ? Number(args[1]) : 10;
  runc(['kill', name, 'TERM']);
  for (let left = seconds * 1000; exitCodeOf(name) === undefined; left -= pollMs) {
    if (left <= 0 && left > -pollMs) runc(['kill', name, 'KILL']);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
  process.stdout.write(`${name}\n`);
  return 0;
}

/** The only field of a container that the page reads, with Docker's option. */
function inspect([option, format, name = '']: readonly string[]): number {
  if (option !== '-f' || format !== '{{.State.ExitCode}}') throw new Usage('only -f {{.State.ExitCode}} is known');
  process.stdout.write(`${exitCodeOf(name) ?? 0}\n`);
  return 0;
}

function remove([name = '']: readonly string[]): number {
  if (exitCodeOf(name) === undefined) throw new Usage(`${name} runs, or there is no such container`);
  rmSync(folderOf(name), { recursive: true });
  process.stdout.write(`${name}\n`);
  return 0;
}

function logs([name = '']: readonly string[]): number {
  process.stdout.write(readFileSync(join(folderOf(name), 'output'), 'utf8'));
  return 0;
}

const commands: Readonly<Record<string, (args: readonly string[]) => number | Promise<number>>> = {
  build,
  run,
  stop,
  inspect,
  logs,
  rm: remove,
};

const [name = '', ...args] = process.argv.slice(2);
try {
  const command = commands[name];
  if (command === undefined) throw new Usage(`"docker ${name}" is not known here`);
  process.exitCode = await command(args);
} catch (error) {
  process.stderr.write(`docker, as this test has it: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 125;
}
