import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { oldestNodeMajor, unsupportedNode } from '../../src/core/node-version.ts';

test('a Node.js that is new enough gives no message', () => {
  expect(unsupportedNode('24.0.0')).toBeUndefined();
  expect(unsupportedNode('24.21.0')).toBeUndefined();
  expect(unsupportedNode('26.1.0-nightly')).toBeUndefined();
  expect(unsupportedNode('100.0.0')).toBeUndefined();
});

test.each(['20.20.2', '22.22.0', '23.11.1', '8.0.0', '', 'unknown'])(
  'for Node.js "%s" the message names the version found, the version needed and how to get it',
  (found) => {
    const message = unsupportedNode(found);
    expect(message).toContain(`this is ${found}.`);
    expect(message).toContain('Node.js 24 or newer');
    expect(message).toContain('npm ci');
    expect(message).toContain('--ignore-scripts');
  },
);

test('package.json and the check that npm scripts preload require the same version', () => {
  const manifest: { engines: { node: string } } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(manifest.engines.node).toBe(`>=${oldestNodeMajor}`);
  expect(
    execFileSync(process.execPath, ['-r', './scripts/check-node.cjs', '-p', '"let through"'], { encoding: 'utf8' }),
  ).toBe('let through\n');
});
