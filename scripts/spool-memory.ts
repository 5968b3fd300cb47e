// Measures the memory of the service while Python's requests sends a gigabyte and then reads it: `npm run bench:spool`.
import { parseArgs } from 'node:util';
import { growth, median, spoolMemory } from '../test/clients/large/spool-memory.ts';
import { build } from '../test/service/built.ts';

const usage = `npm run bench:spool -- [--megabytes N]

  --megabytes N   what the client sends before it reads; default 1000

Builds the service and starts it, with its defaults except for limits.spoolBytes and limits.spoolTotalBytes. Prints its resident
set, sampled each second: the median, the largest sample, the largest value at any moment, and how much the median of the
last quarter of the samples is above that of the second quarter. Needs Linux and as much room in TMPDIR. The exit code is
1 if the client did not get all.
`;

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

async function main(megabytes: number): Promise<void> {
  const built = build();
  try {
    const result = await spoolMemory(built.main, megabytes * 1e6, 1000);
    const { residentBytes, peakBytes, heldBytes, spooledBytes, client, seconds } = result;
    const lines = [
      `${megabytes} MB through requests: ${client} records, in ${seconds.toFixed(0)} s`,
      `spooled          ${mib(spooledBytes)}`,
      `held in memory   ${mib(heldBytes)} at the most`,
      `resident set     ${residentBytes.length} samples`,
      `  median         ${mib(median(residentBytes))}`,
      `  largest sample ${mib(Math.max(...residentBytes))}`,
      `  peak           ${mib(peakBytes)}`,
      `  growth         ${mib(growth(residentBytes))}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    if (!client.startsWith('complete')) process.exitCode = 1;
  } finally {
    built.remove();
  }
}

try {
  const { values } = parseArgs({
    options: { megabytes: { type: 'string', default: '1000' }, help: { type: 'boolean', default: false } },
  });
  const megabytes = Number(values.megabytes);
  if (values.help) process.stdout.write(usage);
  else if (megabytes > 0) await main(megabytes);
  else throw new Error(`--megabytes is a number above 0, not ${values.megabytes}`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
