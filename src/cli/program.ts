import { logLevels } from '../core/vocabulary.ts';
import { extname, join } from 'node:path';
import { isatty } from 'node:tty';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../config/checks/config-error.ts';
import { durationMs } from '../core/options/quantity.ts';
import { thrownMessage } from '../core/thrown.ts';
import { exitCodeOfFindings, exitCodes, UsageError } from './exit-codes.ts';
import { exitCodeOf, watchOutput } from './output.ts';
import { type RunFlags, withRunOptions } from './run/run-options.ts';
import type { CheckFlags } from './check.ts';
import type { ConfigFlags } from './settings.ts';
import type { ClientFileFlags } from './top/client-files.ts';
import { version } from '../service/version.ts';

/** The flights of the data; the data itself is loaded only by the demo. */
const demoFlights = 20_000;

/**
 * Runs one command line and resolves with its exit code. Only data is written to stdout; the other output is on stderr.
 *
 * The code of a command is loaded when the command runs, so that it costs the other commands no time and no memory.
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
    return exitCodeOfFindings(error.findings);
  }
  process.stderr.write(`millrace: ${thrownMessage(error)}\n`);
  return exitCodes.failed;
}

/** Every command with its options. `done` receives the exit code of the command that runs. */
export function commandLine(done: (code: number) => void): Command {
  const program = new Command('millrace')
    .description('POST a stream of JSON lines; each comes back enriched by lookups in another system.')
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'millrace: ')) })
    .showHelpAfterError('(millrace --help lists the commands)')
    .configureHelp({ sortOptions: true })
    .addHelpText('after', '\nExample:\n  millrace serve -c millrace.yaml');

  withConfig(program.command('serve'))
    .description('run the service')
    .addHelpText('after', '\nExample:\n  millrace serve -c millrace.yaml --port 8080')
    .action(async (flags: ConfigFlags) => {
      const { serve } = await import('./serve/serve.ts');
      done(await serve(flags));
    });

  withClientFiles(withRunOptions(program.command('run')))
    .argument('<pipeline>', 'name of a pipeline')
    .description('run a pipeline as a filter: read JSON lines, write each enriched')
    .addHelpText(
      'after',
      '\nExample:\n  millrace run flights --in flights.ndjson.gz --out enriched.ndjson --state run.state',
    )
    .action(async (pipeline: string, flags: RunFlags) => {
      const { runPipeline } = await import('./run/run.ts');
      done(await runPipeline(pipeline, flags));
    });

  withConfig(program.command('check'))
    .argument('[file...]', 'configurations to check; - is standard input, also for --config')
    .description('validate the configuration, read its tables, and print it with all defaults, secrets hidden')
    .option('--json', 'print JSON instead of YAML, also for mistakes', false)
    .option('--connect', 'also try each lookup once: connect, or open its module', false)
    .option('--with <name=value...>', 'like --connect, but call each lookup whose arguments are all given')
    .addHelpText('after', '\nExample:\n  millrace check -c millrace.yaml --connect --with iata=DTW')
    .action(async (files: string[], flags: Omit<CheckFlags, 'with' | 'files'> & { with?: string[] }) => {
      const { check } = await import('./check.ts');
      done(await check({ ...flags, files, with: flags.with ?? [] }));
    });

  withConfig(program.command('explain'))
    .argument('<pipeline>', 'name of a pipeline in the configuration')
    .description('show the calls that the records of standard input would cause, and the layers on their way')
    .option('--json', 'print JSON, one line for each record, instead of YAML', false)
    .addHelpText('after', '\nExample:\n  echo \'{"origin":"DTW"}\' | millrace explain flights -c millrace.yaml')
    .action(async (pipeline: string, flags: ConfigFlags & { json: boolean }) => {
      const { explain } = await import('./explain.ts');
      done(await explain(pipeline, flags, process.stdin));
    });

  withClientFiles(program.command('top'))
    .description('show the streams, pipelines, lookups and last errors of a running service; q ends it')
    .addOption(
      new Option('--url <url>', 'the admin listener of the service')
        .default(new URL('http://127.0.0.1:8081'), 'http://127.0.0.1:8081')
        .argParser(webAddress),
    )
    .addOption(
      new Option('--interval <duration>', 'time between two pictures, at least 100ms')
        .default(1000, '1s')
        .argParser(interval),
    )
    .addOption(
      new Option(
        '--token-file <file>',
        'file with the token of the admin listener (default: the variable MILLRACE_TOKEN)',
      ),
    )
    .option('--once', 'print one picture and end; the default if the output is not a terminal', false)
    .option('--json', 'print the response of /state once', false)
    .addHelpText('after', '\nExample:\n  millrace top --url http://127.0.0.1:8081')
    .action(
      async (
        options: { url: URL; tokenFile?: string; interval: number; once: boolean; json: boolean } & ClientFileFlags,
      ) => {
        const { top } = await import('./top/top.ts');
        const { clientFiles } = await import('./top/client-files.ts');
        const { tokenSource } = await import('./top/token.ts');
        const { stdin, stdout } = process;
        const color = isatty(stdout.fd) && stdout.hasColors();
        const token = tokenSource(options.tokenFile);
        const files = clientFiles(options);
        done(await top({ ...options, token, files, intervalMs: options.interval, color, stdin, stdout }));
      },
    );

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
    .description('stream 20,000 real flights through a service, with two lookups of airports for each')
    .option('--keep', 'keep the service running afterwards, and print curl commands to try', false)
    .option('--records <n>', `number of flights, at most ${demoFlights}`, numberOfFlights)
    .addHelpText('after', '\nExample:\n  millrace demo --keep')
    .action(async (options: { keep: boolean; records?: number }) => {
      const { demo } = await import('../demo/demo.ts');
      const { stdout, stderr } = process;
      const color = isatty(stdout.fd) && stdout.hasColors();
      // The sources are .ts, the files of the package .js.
      const file = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
      const outcome = await demo({ ...options, program: file, color, tty: isatty(stderr.fd), stdout, stderr });
      done(exitCodes[outcome === 'passed' ? 'done' : outcome]);
    });

  return program;
}

function withClientFiles(command: Command): Command {
  return command
    .option('--cacert <file>', 'PEM file with the authority of the service, for https')
    .option('--cert <file>', 'PEM file with the certificate of this client, for server.tls.clientCa')
    .option('--key <file>', 'PEM file with the private key of --cert');
}

function withConfig(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --config <file>', 'configuration file (default: millrace.yaml, .yml or .json in this folder)'),
    )
    .addOption(new Option('--host <address>', 'address to listen on; overrides the environment and the file'))
    .addOption(new Option('--port <number>', 'port to listen on; 0 takes any free port'))
    .addOption(new Option('--admin-host <address>', 'address of the admin listener'))
    .addOption(new Option('--admin-port <number>', 'port of the admin listener; 0 takes any free port'))
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
  throw new InvalidArgumentError('Expected a duration of at least 100ms, such as 1s.');
}

function numberOfFlights(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number <= demoFlights) return number;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${demoFlights}, the flights of the demo.`);
}
