import { logLevels } from '../core/vocabulary.ts';
import { isatty } from 'node:tty';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/checks/config-error.ts';
import { durationMs } from '../core/options/quantity.ts';
import { thrownMessage } from '../core/thrown.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { exitCodeOf, watchOutput } from './output.ts';
import type { CheckFlags } from './check.ts';
import type { ConfigFlags } from './settings.ts';
import { version } from '../service/version.ts';

/**
 * Runs one command line and gives its exit code. What is no data goes to stderr.
 *
 * A command is loaded when it is called: what one does not need costs the others no time and no memory.
 */
export async function run(argv: readonly string[]): Promise<number> {
  watchOutput();
  let exitCode: number = exitCodes.done;
  const program = commandLine((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodeOf(exitCode);
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodeOf(exitCodes.done) : exitCodes.usage;
  if (error instanceof UsageError) {
    process.stderr.write(`millrace: ${error.message}\n`);
    return exitCodes.usage;
  }
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.toString()}\n`);
    return exitCodes.configuration;
  }
  process.stderr.write(`millrace: ${thrownMessage(error)}\n`);
  return exitCodes.failed;
}

/** Every command with its options; what a command gives goes to `done`. */
export function commandLine(done: (code: number) => void): Command {
  const program = new Command('millrace')
    .description('POST a stream of JSON lines, get each back enriched by lookups against another system.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(millrace --help shows what there is)')
    .configureHelp({ sortOptions: true })
    .addHelpText('after', '\nExample:\n  millrace serve -c millrace.yaml');

  withConfig(program.command('serve'))
    .description('run the service')
    .addHelpText('after', '\nExample:\n  millrace serve -c millrace.yaml --port 8080')
    .action(async (flags: ConfigFlags) => {
      const { serve } = await import('./serve/serve.ts');
      done(await serve(flags));
    });

  withConfig(program.command('check'))
    .argument('[file...]', 'configurations; - is standard input, also for --config')
    .description(
      'validate the configuration, read its tables, and print it with every default that holds, secrets hidden',
    )
    .option('--json', 'print JSON instead of YAML, mistakes too', false)
    .option('--connect', 'also try each lookup once: connect to it, open its module', false)
    .option('--with <name=value...>', 'connect, and call the lookups whose arguments these are')
    .addHelpText('after', '\nExample:\n  millrace check -c millrace.yaml --connect --with iata=DTW')
    .action(async (files: string[], flags: Omit<CheckFlags, 'with' | 'files'> & { with?: string[] }) => {
      const { check } = await import('./check.ts');
      done(await check({ ...flags, files, with: flags.with ?? [] }));
    });

  program
    .command('top')
    .description('show what a running service does: streams, pipelines, lookups and the last errors; q ends it')
    .addOption(
      new Option('--url <url>', 'its admin listener')
        .default(new URL('http://127.0.0.1:8081'), 'http://127.0.0.1:8081')
        .argParser(webAddress),
    )
    .addOption(
      new Option('--interval <duration>', 'how often to look, from 100ms on').default(1000, '1s').argParser(interval),
    )
    .option('--once', 'print one picture and end; also where the output is no terminal', false)
    .option('--json', 'print what /state gives, once', false)
    .addHelpText('after', '\nExample:\n  millrace top --url http://127.0.0.1:8081')
    .action(async (options: { url: URL; interval: number; once: boolean; json: boolean }) => {
      const { top } = await import('./top/top.ts');
      const { stdin, stdout } = process;
      const color = isatty(stdout.fd) && stdout.hasColors();
      done(await top({ ...options, intervalMs: options.interval, color, stdin, stdout }));
    });

  program
    .command('schema')
    .description('print the JSON Schema of the configuration')
    .addHelpText('after', '\nExample:\n  millrace schema > millrace.schema.json')
    .action(async () => {
      const { configJsonSchema } = await import('../config/schema/json-schema.ts');
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
      done(exitCodes.done);
    });

  program
    .command('demo')
    .description('run the main job on real data: 20,000 flights, each looked up in an airport directory twice')
    .option('--keep', 'stay up afterwards, and print curl lines to try', false)
    .option('--records <n>', 'how many of the flights', wholeNumber)
    .addHelpText('after', '\nExample:\n  millrace demo --keep')
    .action(async (options: { keep: boolean; records?: number }) => {
      const { demo } = await import('../demo/demo.ts');
      const { stdout, stderr } = process;
      const color = isatty(stdout.fd) && stdout.hasColors();
      const outcome = await demo({ ...options, color, tty: isatty(stderr.fd), stdout, stderr });
      done(exitCodes[outcome === 'passed' ? 'done' : outcome]);
    });

  return program;
}

function withConfig(command: Command): Command {
  return command
    .addOption(new Option('-c, --config <file>', 'configuration (default: millrace.yaml, .yml or .json, here)'))
    .addOption(new Option('--host <address>', 'address to listen on; goes before the environment and the file'))
    .addOption(new Option('--port <number>', 'port to listen on, 0 for any free one'))
    .addOption(new Option('--admin-host <address>', 'address of the admin listener'))
    .addOption(new Option('--admin-port <number>', 'port of the admin listener, 0 for any free one'))
    .addOption(new Option('--log-level <level>', `${logLevels.slice(0, -1).join(', ')} or ${logLevels.at(-1)}`));
}

function webAddress(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new InvalidArgumentError('Expected an address such as http://127.0.0.1:8081.');
}

function interval(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined && ms >= 100) return ms;
  throw new InvalidArgumentError('Expected a duration from 100ms on, such as 1s.');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}
