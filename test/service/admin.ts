import { isJsonObject, type JsonObject, parseJson } from '../../src/core/json/json.ts';

interface State {
  readonly streams: readonly JsonObject[];
  readonly lookups: JsonObject;
  readonly spool: JsonObject;
  readonly memory: JsonObject;
}

/** Reads from the admin listener of a service. */
export class Admin {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async state(): Promise<State> {
    const state = parseJson(await this.#text('/state'));
    if (!isJsonObject(state)) throw new Error(`no state: ${JSON.stringify(state)}`);
    const { streams, lookups, spool, memory } = state;
    if (!Array.isArray(streams) || !isJsonObject(lookups) || !isJsonObject(spool) || !isJsonObject(memory))
      throw new Error(`no state: ${JSON.stringify(state)}`);
    return { streams: streams.filter((stream) => isJsonObject(stream)), lookups, spool, memory };
  }

  /** The sum of all samples of one family. */
  async metric(name: string): Promise<number> {
    const values = (await this.#text('/metrics')).matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async #text(path: string): Promise<string> {
    return (await fetch(this.url + path)).text();
  }
}
