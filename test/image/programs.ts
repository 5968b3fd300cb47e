import { execFileSync, spawnSync, type StdioOptions } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of one run of the test: docker.ts shows what is in it. */
export const state = process.env['MILLRACE_TEST_STATE'] ?? '';

/** On Debian runc is in sbin, which is not on the PATH of users. */
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Runs a program to its end and gives its stdout. Throws if it fails. */
export function execute(program: string, args: readonly string[], stdout: 'pipe' | 'inherit' = 'pipe'): string {
  const stdio: StdioOptions = ['ignore', stdout, 'inherit'];
  // With 'inherit' the output is null.
  const text: string | null = execFileSync(program, args, { encoding: 'utf8', stdio, maxBuffer: 2 ** 28 });
  return text ?? '';
}

/** Options for a storage driver: overlay if the kernel supports it for this folder; vfs copies every layer, and works everywhere. */
function storage(driver: string): readonly string[] {
  return ['--root', join(state, driver), '--runroot', join(state, `${driver}-run`), '--storage-driver', driver];
}

const overlays = spawnSync('buildah', [...storage('overlay'), 'info']).status === 0;

export function buildah(args: readonly string[], stdout: 'pipe' | 'inherit' = 'pipe'): string {
  return execute('buildah', [...storage(overlays ? 'overlay' : 'vfs'), ...args], stdout);
}

export function runc(args: readonly string[]): string {
  return execute('runc', ['--root', join(state, 'runc'), ...args]);
}

/** How an image is run: the settings in its Dockerfile. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

export function imageConfig(image: string): ImageConfig {
  const inspected: { Docker: { config: ImageConfig } } = JSON.parse(buildah(['inspect', '--type', 'image', image]));
  return inspected.Docker.config;
}

/** The folder of an image: `layout` is the OCI layout, `bundle` the unpacked image. */
function imageFolder(image: string): string {
  return join(state, 'images', image);
}

/** The bundle that umoci makes from an image: `rootfs`, and a `config.json` for runc. */
export function unpacked(image: string): string {
  const folder = imageFolder(image);
  const bundle = join(folder, 'bundle');
  if (existsSync(bundle)) return bundle;
  mkdirSync(folder, { recursive: true });
  buildah(['push', '--quiet', image, `oci:${join(folder, 'layout')}:latest`]);
  execute('umoci', ['unpack', '--image', `${join(folder, 'layout')}:latest`, bundle], 'pipe');
  return bundle;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

/** The size of the layers in bytes, gzipped, as a registry stores them. */
export function compressedBytes(image: string): number {
  const layout = join(imageFolder(image), 'layout');
  const index: { manifests: readonly Descriptor[] } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const digest = index.manifests[0]?.digest.replace(':', '/') ?? '';
  const manifest: { layers: readonly Descriptor[] } = JSON.parse(readFileSync(join(layout, 'blobs', digest), 'utf8'));
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}
