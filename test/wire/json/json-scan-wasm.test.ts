import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compiledModule } from '../../../scripts/wasm.ts';

test('the committed WebAssembly is what its source compiles to: else `npm run wasm`', () => {
  expect(compiledModule()).toBe(readFileSync('src/wire/json/json-scan-wasm.ts', 'utf8'));
});
