import { toYaml } from '../config/redact.ts';
import { exitCodes } from './exit-codes.ts';
import { type ConfigFlags, settingsOf } from './settings.ts';

/** `millrace check`: the effective configuration to stdout, or every mistake of it to stderr and 78. */
export function check(flags: ConfigFlags & { readonly json: boolean }): number {
  const { effective, source } = settingsOf(flags);
  process.stdout.write(flags.json ? `${JSON.stringify(effective, null, 2)}\n` : toYaml(effective));
  process.stderr.write(`${source} is valid\n`);
  return exitCodes.done;
}
