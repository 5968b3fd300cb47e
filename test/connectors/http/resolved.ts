import dns, { type LookupAddress, type LookupAllOptions } from 'node:dns';
import { onTestFinished, vi } from 'vitest';

/**
 * The addresses that the system resolves `name` to: without privileges there is no other way to give a name several
 * addresses. Everything after the resolver is real.
 */
export function resolved(name: string, addresses: () => readonly string[]): void {
  const system = dns.lookup;
  const resolve = (host: string, options: LookupAllOptions, done: (...found: readonly unknown[]) => void): void => {
    if (host !== name) return void Reflect.apply(system, dns, [host, options, done]);
    done(
      null,
      addresses().map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(resolve as typeof dns.lookup);
  onTestFinished(() => {
    spy.mockRestore();
  });
}
