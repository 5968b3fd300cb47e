import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { fencesOf, page, root } from './pages.ts';

/** The examples import `millrace`: here that is the source, src/index.ts. */
const index = pathToFileURL(join(root, 'src/index.ts')).href;
const hook = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve: (specifier, context, next) => next(specifier === 'millrace' ? ${JSON.stringify(index)} : specifier, context),
  });
`)}`;

/** The code that each example needs before and after it, and the output that it then prints; by the example's first line. */
const examples: Readonly<Record<string, { readonly before: string; readonly after: string; readonly prints: string }>> =
  {
    "import { unorderedWait } from 'millrace';": {
      before: `const codes = ['FRA'];
      const database = { airport: async (iata, { signal }) => ({ iata, aborted: signal.aborted }) };`,
      after: '',
      prints: "{ iata: 'FRA', aborted: false }\n",
    },
    "import { AsyncRetryStrategies, RetryPredicates, orderedWaitWithRetry } from 'millrace';": {
      before: `const source = ['a', 'b'];
      const fn = async (input, { attempt }) => {
        if (input === 'a' && attempt < 2) throw new TypeError('again');
        return attempt < 2 ? [] : [input + attempt];
      };`,
      after: 'for await (const result of results) console.log(result);',
      prints: 'a2\nb2\n',
    },
    'const results = unorderedWait(elementsFrom(saved.next), fn, {': {
      before: `import { unorderedWait } from 'millrace';
      const saved = { next: 3, pending: [{ seq: 1, input: 'b' }] };
      const elementsFrom = (next) => ['a', 'b', 'c', 'd'].slice(next);
      const fn = async (input) => [input];
      const save = (checkpoint) => console.log(JSON.stringify(checkpoint));`,
      after: 'for await (const result of results) console.log(result);',
      prints: 'b\nd\n',
    },
    "import { orderedWait, virtualClock } from 'millrace';": {
      before: '',
      after: '',
      prints: 'thrown: timeout\n',
    },
  };

function run(program: string): string {
  const wrapped = `process.on('uncaughtException', ({ code, message }) => console.log('thrown: ' + (code ?? message)));\n${program}`;
  const args = ['--import', hook, '--input-type=module', '--eval', wrapped];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000, cwd: root });
  return stdout + stderr;
}

const shown = fencesOf(page('library.md')).filter(
  // test/library/example.test.ts runs the example that needs a database.
  ({ language, text }) => language === 'js' && !text.includes('@redis/client'),
);

test('every example of docs/library.md has a test below', () => {
  expect(shown.map(({ text }) => text.split('\n')[0])).toEqual(Object.keys(examples));
});

test.each(shown.map(({ line, text }) => [line, text] as const))(
  'the example at docs/library.md:%i runs',
  (_line, text) => {
    const { before, after, prints } = examples[text.split('\n')[0] ?? ''] ?? { before: '', after: '', prints: '' };
    expect(run([before, text, after].join('\n'))).toBe(prints);
  },
);
