import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compile, compiledModules } from '../scripts/wasm.ts';

test.each(compiledModules)('$file is what its source compiles to: else `npm run wasm`', (module) => {
  expect(compile(module)).toBe(readFileSync(module.file, 'utf8'));
});
