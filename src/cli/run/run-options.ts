import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CheckpointEvery } from '../../pipeline/stream-settings.ts';
import { durationMs } from '../../core/options/quantity.ts';
import { logLevels, type Mode, modes } from '../../core/vocabulary.ts';
import type { ClientFileFlags } from '../top/client-files.ts';

export interface RunFlags extends ClientFileFlags {
  readonly config?: string;
  readonly logLevel?: string;
  readonly in?: readonly string[];
  readonly out?: string;
  readonly errors?: string;
  readonly state?: string;
  readonly checkpoint?: CheckpointEvery;
  readonly mode?: Mode;
  readonly capacity?: number;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly limit?: number;
  readonly sample?: number;
  readonly seed?: number;
  readonly control: boolean;
  /** Undefined: only on a terminal. */
  readonly progress?: boolean;
  readonly json: boolean;
  readonly url?: URL;
  readonly tokenFile?: string;
  readonly retryFor: number;
  readonly stallTimeout: number;
}

/** Adds the options of `millrace run`, but for those of TLS, which all clients share. */
export function withRunOptions(command: Command): Command {
  const options = [
    new Option('-c, --config <file>', 'configuration file (default: millrace.yaml, .yml or .json in this folder)'),
    new Option('--log-level <level>', `${logLevels.slice(0, -1).join(', ')} or ${logLevels.at(-1)} (default: warn)`),
    new Option(
      '--in <file>',
      'read this file; - is standard input. May be repeated: one is read after the other',
    ).argParser((file: string, before: readonly string[] | undefined) => [...(before ?? []), file]),
    new Option('--out <file>', 'write to this file instead of standard output'),
    new Option(
      '--errors <file>',
      'put the lines of failed records into this file, as they were, instead of the output',
    ),
    new Option('--state <file>', 'make the run resumable: started again after a kill, it goes on'),
    new Option('--checkpoint <lines|duration>', 'how often the state is saved, or --url makes output final').argParser(
      checkpoint,
    ),
    new Option('--mode <mode>', 'order of the output; overrides the configuration').choices(modes),
    new Option('--capacity <n>', 'records at the same time; overrides the configuration').argParser(wholeFrom(1)),
    new Option('--timeout <duration>', 'time for one record; overrides the configuration').argParser(duration),
    new Option('--limit <n>', 'read the first n records only').argParser(wholeFrom(0)),
    new Option('--sample <rate>', 'read this share of the records only, such as 0.01').argParser(rate),
    new Option('--seed <n>', 'another sample of the same size').argParser(wholeFrom(0)),
    new Option('--control', 'read {"$watermark":…} lines as control lines; without it they are records').default(false),
    new Option('--progress', 'write a line of progress every 10 s if stderr is not a terminal'),
    new Option('--no-progress', 'show no progress on a terminal'),
    new Option('--json', 'write the last line on stderr as JSON').default(false),
    new Option('--url <url>', 'send the records through a running service, such as http://127.0.0.1:8080').argParser(
      address,
    ),
    new Option('--token-file <file>', 'file with the token for --url (default: the variable MILLRACE_TOKEN)'),
    new Option('--retry-for <duration>', 'how long --url tries again without progress')
      .default(300_000, '5m')
      .argParser(duration),
    new Option('--stall-timeout <duration>', 'how long the service may send nothing while it has records')
      .default(120_000, '2m')
      .argParser(duration),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

function checkpoint(text: string): CheckpointEvery {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return { lines: Number(text) };
  const ms = durationMs(text);
  if (ms !== undefined && ms >= 10 && ms <= 86_400_000) return { ms };
  throw new InvalidArgumentError('Expected a number of lines, or a duration from 10ms to 24h.');
}

function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
  };
}

function rate(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('Expected a number above 0 and at most 1, such as 0.01.');
}

function duration(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError('Expected a duration above 0, such as 30s.');
}

function address(text: string): URL {
  const url = URL.parse(text);
  const expected = 'Expected the address of a service, such as http://127.0.0.1:8080';
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const hint = !text.includes('//') && URL.canParse(`http://${text}`) ? `; write http://${text}` : '';
    throw new InvalidArgumentError(`${expected}${hint}.`);
  }
  const { origin, pathname, search, hash } = url;
  const route = /^(.*?)\/v1(?:\/[^/]*(?:\/([^/]+).*)?)?$/.exec(pathname);
  if (route === null && search === '' && hash === '') return url;
  const [, base = pathname.replace(/\/$/, ''), pipeline = 'PIPELINE'] = route ?? [];
  throw new InvalidArgumentError(
    `${expected}, without route and parameters: write millrace run ${pipeline} --url ${origin}${base}.`,
  );
}
