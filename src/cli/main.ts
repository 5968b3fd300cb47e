#!/usr/bin/env node
import { unsupportedNode } from '../core/node-version.ts';

// Looked at before anything else is loaded: an old Node fails on the syntax of what comes after.
const complaint = unsupportedNode(process.versions.node);
if (complaint === undefined) {
  const { run } = await import('./program.ts');
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 1;
}
