import dns from 'node:dns';
import { isIP, type BlockList, type LookupFunction } from 'node:net';
import { addressKinds, isAddressKind } from './address-options.ts';
import { destinationsOf, isInRange, parseRange } from './ip-address.ts';
import { NotConnected } from './not-connected.ts';

export interface AddressLists {
  readonly denyAddresses: readonly string[];
  readonly allowAddresses: readonly string[] | null;
}

interface Rule {
  readonly text: string;
  readonly kind: boolean;
  readonly ranges: readonly BlockList[];
}

/**
 * The addresses to which a lookup may connect. They are checked when a name is resolved for a connection, which goes to
 * the checked address and no other: an answer of DNS that changes between two resolutions gains nothing.
 *
 *     allowAddresses, without the address ──▶ refused
 *     denyAddresses, a range with it ───────▶ refused
 *     denyAddresses, a kind with it ────────▶ refused, unless url or allowAddresses names the address
 */
export class AddressRules {
  readonly #denied: readonly Rule[];
  readonly #allowed: readonly BlockList[] | undefined;

  constructor({ denyAddresses, allowAddresses }: AddressLists) {
    this.#denied = denyAddresses.map((text) => {
      const kind = isAddressKind(text);
      return { text, kind, ranges: rangesOf(kind ? addressKinds[text] : [text]) };
    });
    this.#allowed = allowAddresses === null ? undefined : rangesOf(allowAddresses);
  }

  /** Why there is no connection to this address; undefined if there may be one. `named`: the configuration has the address itself. */
  refusal(address: string, named = false): string | undefined {
    const destinations = destinationsOf(address);
    const holds = (ranges: readonly BlockList[]): boolean =>
      ranges.some((range) => destinations.some((destination) => isInRange(range, destination)));
    if (this.#allowed !== undefined && !holds(this.#allowed)) return 'it is not in allowAddresses';
    const exempt = named || this.#allowed !== undefined;
    const rule = this.#denied.find(({ kind, ranges }) => !(kind && exempt) && holds(ranges));
    return rule === undefined ? undefined : `denyAddresses has ${rule.text}`;
  }

  /** What is wrong with an origin whose host is an address; undefined if nothing is, or if the host is a name. */
  refusedOrigin(origin: string): string | undefined {
    const host = hostOf(origin);
    const refusal = isIP(host) === 0 ? undefined : this.refusal(host, true);
    return refusal === undefined
      ? undefined
      : `no connection is opened to ${host}: ${refusal}; change denyAddresses or allowAddresses, or name another address`;
  }

  /** Resolves a name as Node.js does, to the addresses that are not refused. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const permitted = found.filter(({ address }) => this.refusal(address) === undefined);
      const [first] = permitted;
      if (first === undefined && found.length > 0)
        return callback(
          this.#refused(
            hostname,
            found.map(({ address }) => address),
          ),
          [],
        );
      if (options.all === true) callback(null, permitted);
      else callback(null, first?.address ?? '', first?.family);
    });
  };

  #refused(hostname: string, addresses: readonly string[]): NotConnected {
    const reasons = addresses.map((address) => `${address}: ${this.refusal(address) ?? ''}`);
    const leads = `${hostname} leads to ${addresses.length === 1 ? 'a refused address' : 'refused addresses'}`;
    const message = `${leads} (${reasons.join('; ')}); if that is meant, change denyAddresses, or list every permitted address in allowAddresses`;
    return new NotConnected(message, { final: true });
  }
}

/** Whether the host of an origin is an address, and not a name. */
export function hasAddress(origin: string): boolean {
  return isIP(hostOf(origin)) !== 0;
}

function hostOf(origin: string): string {
  return new URL(origin).hostname.replace(/^\[(.*)\]$/, '$1');
}

function rangesOf(texts: readonly string[]): readonly BlockList[] {
  return texts.map((text) => parseRange(text)).filter((range) => range !== undefined);
}
