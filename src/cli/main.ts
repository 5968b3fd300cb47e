#!/usr/bin/env node
import { unsupportedNode } from '../core/node-version.ts';

// Checked before anything else is loaded, because an old Node.js fails on the syntax of the other files.
const complaint = unsupportedNode(process.versions.node);
if (complaint === undefined) {
  const argv = process.argv.slice(2);
  if (argv[0] === 'serve') {
    const { boundHeap } = await import('./serve/bounded-heap.ts');
    boundHeap();
  }
  const { run } = await import('./program.ts');
  process.exitCode = await run(argv);
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 1;
}
