import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ImageConfig } from './programs.ts';

/** The options of a `docker run` command of the documentation. */
export interface RunOptions {
  readonly image: string;
  /** If empty: the arguments of the image. */
  readonly args: readonly string[];
  readonly entrypoint: string | undefined;
  readonly name: string | undefined;
  readonly detached: boolean;
  readonly removed: boolean;
  readonly volumes: readonly string[];
  readonly environment: readonly string[];
  readonly tmpfs: readonly string[];
}

const switches = new Set(['--rm', '-d', '--read-only']);
const valued = new Set(['--name', '-v', '-e', '--tmpfs', '--entrypoint', '-p', '--cap-drop', '--security-opt']);

/** The words before the image are options of `docker run`; the words after it are arguments of the container. */
export function parseRun(words: readonly string[]): RunOptions {
  const pairs: (readonly [option: string, value: string])[] = [];
  let at = 0;
  for (; words[at]?.startsWith('-'); at++) {
    const option = words[at] ?? '';
    if (switches.has(option)) pairs.push([option, '']);
    else if (valued.has(option)) pairs.push([option, words[++at] ?? '']);
    else throw new Error(`docker run: the option ${option} is unknown to this test`);
  }
  const all = (name: string): readonly string[] =>
    pairs.filter(([option]) => option === name).map(([, value]) => value);
  const image = words[at];
  if (image === undefined) throw new Error('docker run: the image is missing');
  return {
    image,
    args: words.slice(at + 1),
    entrypoint: all('--entrypoint')[0],
    name: all('--name')[0],
    detached: all('-d').length > 0,
    removed: all('--rm').length > 0,
    volumes: all('-v'),
    environment: all('-e'),
    tmpfs: all('--tmpfs'),
  };
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** The parts of an OCI runtime specification (config.json) that this test changes. */
interface Spec {
  readonly process: Readonly<Record<string, unknown>>;
  readonly mounts: readonly Mount[];
  readonly linux: { readonly resources: Readonly<Record<string, unknown>> };
  readonly [key: string]: unknown;
}

/**
 * The specification for runc: the one that umoci made from the image, with these options, and as strict as possible. The
 * container can write only to a tmpfs and to volumes of the options that are not `ro`, has no capability and cannot get one, and its network has only
 * loopback.
 */
export function specOf(options: RunOptions, bundle: string, config: ImageConfig): Spec {
  const spec: Spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'));
  const entrypoint = options.entrypoint === undefined ? config.Entrypoint : [options.entrypoint];
  const defaultArgs = options.entrypoint === undefined ? config.Cmd : [];
  const binds = options.volumes.map((volume): Mount => {
    const [source = '', destination = '', mode = 'rw'] = volume.split(':');
    return { destination, type: 'bind', source: resolve(source), options: ['rbind', mode] };
  });
  const tmpfs = options.tmpfs.map((destination): Mount => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'mode=1777'],
  }));
  return {
    ...spec,
    root: { path: join(bundle, 'rootfs'), readonly: true },
    process: {
      ...spec.process,
      terminal: false,
      args: [...entrypoint, ...(options.args.length > 0 ? options.args : defaultArgs)],
      env: [...config.Env, ...options.environment],
      capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
      noNewPrivileges: true,
    },
    mounts: [...spec.mounts, ...binds, ...tmpfs],
  };
}
