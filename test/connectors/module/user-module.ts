import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { type Clock, systemClock } from '../../../src/core/time/time.ts';
import type { Connector } from '../../../src/connectors/connector.ts';
import { module } from '../../../src/connectors/module/module.ts';
import { moduleOptions } from '../../../src/connectors/module/module-options.ts';
import type { Answer, Arguments } from '../../../src/lookup/lookup.ts';
import { Heard, runtimeFor } from '../http/far-end.ts';

export interface OpenModule {
  readonly connector: Connector;
  readonly heard: Heard;
  readonly ask: (args?: Arguments, context?: Cancellation) => Promise<Answer | RecordError>;
}

/** A connector, not yet open, on a module with this source; without a source the file is not there. */
export async function moduleOf(
  source: string | undefined,
  {
    file = 'lookup.mjs',
    clock = systemClock,
    batched = false,
    ...options
  }: { file?: string; clock?: Clock; batched?: boolean; parameters?: object; maxResponseBytes?: string } = {},
): Promise<OpenModule> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  if (source !== undefined) await writeFile(join(folder, file), source);
  const heard = new Heard();
  const batch = batched ? {} : undefined;
  const connector = module.create(
    moduleOptions.parse({ file, ...options }),
    { ...runtimeFor(heard, folder), clock },
    batch,
  );
  const ask = async (args: Arguments = {}, context = new Cancellation()): Promise<Answer | RecordError> => {
    try {
      return await connector.call(args, context);
    } catch (error) {
      return RecordError.from(error);
    }
  };
  return { connector, heard, ask };
}

export async function openModule(source: string, options: Parameters<typeof moduleOf>[1] = {}): Promise<OpenModule> {
  const opened = await moduleOf(source, options);
  await opened.connector.open();
  onTestFinished(() => opened.connector.close());
  return opened;
}
