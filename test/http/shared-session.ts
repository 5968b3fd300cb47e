import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { onTestFinished } from 'vitest';

/** A service lets 250 requests of a connection run, and a client reset 1,000 of them in a burst. */
const STREAMS_PER_SESSION = 100;

interface Shared {
  readonly session: ClientHttp2Session;
  streams: number;
}

const sessions = new Map<string, Shared>();

/** The connection of HTTP/2 to the service at `url` that the requests of one test share. A new one follows its GOAWAY. */
export function sharedSession(url: string): ClientHttp2Session {
  const { origin } = new URL(url);
  const shared = sessions.get(origin);
  const usable =
    shared !== undefined && !shared.session.closed && !shared.session.destroyed && shared.streams < STREAMS_PER_SESSION;
  const { session } = usable ? shared : newSession(origin);
  const current = sessions.get(origin);
  if (current !== undefined) current.streams += 1;
  return session;
}

/** Closes the connections to this service, whose timers run while they are open. Those of HTTP/1.1 have no timer. */
export async function closeConnections(url: string): Promise<void> {
  const session = sessions.get(new URL(url).origin)?.session;
  if (session === undefined) return;
  session.destroy();
  if (!session.destroyed) await once(session, 'close');
}

function newSession(origin: string): Shared {
  const session = connect(origin, { maxSessionMemory: 1000 });
  session.setMaxListeners(0);
  session.on('error', () => {});
  const shared = { session, streams: 0 };
  sessions.set(origin, shared);
  session.once('close', () => {
    if (sessions.get(origin) === shared) sessions.delete(origin);
  });
  onTestFinished(() => session.destroy());
  return shared;
}
