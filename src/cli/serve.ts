import { createLogger } from '../observability/logger.ts';
import { startService } from './compose.ts';
import { exitCodes } from './exit-codes.ts';
import { type ConfigFlags, settingsOf } from './settings.ts';

/**
 * `millrace serve`: runs until SIGTERM or SIGINT, then lets running streams finish.
 *
 * Done is 0: every stream ended by itself. Where streams had to be cut, or a second signal came, it is 128 + signal.
 */
export async function serve(flags: ConfigFlags): Promise<number> {
  const { config, effective, baseDir } = settingsOf(flags);
  const logger = createLogger({ level: config.server.log.level, destination: process.stderr });
  const service = await startService({ config, effective, baseDir, logger });
  const names = Object.keys(config.pipelines).join(', ');
  // Heard from before the line is written: whoever waits for it may stop the service at once.
  const stopped = firstSignal();
  process.stderr.write(`millrace listens on ${service.url}, admin on ${service.adminUrl}; pipelines: ${names}\n`);
  const signal = await stopped;
  process.once('SIGTERM', () => process.exit(exitCodes.SIGTERM));
  process.once('SIGINT', () => process.exit(exitCodes.SIGINT));
  logger.info(
    { signal, drainTimeoutMs: config.server.drainTimeout },
    'draining: no new streams, running ones may finish',
  );
  const cut = await service.stop();
  logger.info({ cut }, 'stopped');
  return cut === 0 ? exitCodes.done : exitCodes[signal];
}

function firstSignal(): Promise<'SIGTERM' | 'SIGINT'> {
  return new Promise((resolve) => {
    const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
      process.removeListener('SIGTERM', onTerm);
      process.removeListener('SIGINT', onInt);
      resolve(signal);
    };
    const onTerm = (): void => stop('SIGTERM');
    const onInt = (): void => stop('SIGINT');
    process.once('SIGTERM', onTerm);
    process.once('SIGINT', onInt);
  });
}
