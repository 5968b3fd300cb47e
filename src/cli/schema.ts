import { configJsonSchema } from '../config/schema/json-schema.ts';
import { exitCodes } from './exit-codes.ts';

/** `millrace schema`: the JSON Schema of the configuration, to stdout. */
export function printSchema(): number {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  return exitCodes.done;
}
