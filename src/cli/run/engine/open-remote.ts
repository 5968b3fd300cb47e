import { clientFiles } from '../../top/client-files.ts';
import { tokenSource } from '../../top/token.ts';
import { withoutUser } from '../../top/state.ts';
import type { RunFlags } from '../run-options.ts';
import type { Engine } from './engine.ts';
import { RemoteEngine } from './remote-engine.ts';

/** Opens no connection yet: the first stream does. */
export function openRemote(name: string, flags: RunFlags, url: URL, message: (text: string) => void): Engine {
  const { checkpoint, mode, capacity, timeout } = flags;
  const address = new URL(url);
  const base = address.pathname.replace(/\/$/, '');
  address.pathname = `${base}/v1/enrich/${encodeURIComponent(name)}`;
  // Output of a pipe appears when it is final, so soon; a file has it at once.
  const every = checkpoint ?? { ms: flags.out === undefined ? 100 : 1000 };
  const parameters = {
    control: 'true',
    // The response is read while the request is sent: a slow output slows the lookups down, and nothing is spooled.
    duplex: 'full',
    checkpoint: 'ms' in every ? `${every.ms}ms` : String(every.lines),
    ...(mode !== undefined && { mode }),
    ...(capacity !== undefined && { capacity: String(capacity) }),
    ...(timeout !== undefined && { timeout: `${timeout}ms` }),
  };
  for (const [parameter, value] of Object.entries(parameters)) address.searchParams.set(parameter, value);
  const described = new URL(url);
  described.pathname = `${base}/v1/pipelines/${encodeURIComponent(name)}`;
  return new RemoteEngine({
    url: address,
    address: withoutUser(url),
    described: flags.errors === undefined ? undefined : described,
    files: clientFiles(flags),
    token: tokenSource(flags.tokenFile),
    stallMs: flags.stallTimeout,
    retryMs: flags.retryFor,
    onRetry: (failure, waitMs) => {
      message(`millrace: ${withoutUser(url)}: ${failure.message}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
    },
  });
}
