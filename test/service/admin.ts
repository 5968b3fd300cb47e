import { isJsonObject, type JsonObject, parseJson } from '../../src/core/json/json.ts';

/** Reads from the admin listener of a service. */
export class Admin {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async state(): Promise<{ readonly streams: readonly JsonObject[]; readonly lookups: JsonObject }> {
    const state = parseJson(await this.#text('/state'));
    if (!isJsonObject(state) || !Array.isArray(state['streams']) || !isJsonObject(state['lookups']))
      throw new Error(`no state: ${JSON.stringify(state)}`);
    return { streams: state['streams'].filter((stream) => isJsonObject(stream)), lookups: state['lookups'] };
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
