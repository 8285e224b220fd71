// Asks DNS for the records that lead to peers. Names are complete ones: no search list and no hosts file is looked at.

import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
}

/** What discovery asks. "No such record" is an empty answer; a server that does not answer rejects. */
export interface DnsResolver {
  /** SRV records of a complete name, such as `_relay._tcp.example.com`. */
  services(name: string): Promise<readonly ServiceRecord[]>;
  /** Every A and AAAA record, IPv6 as a URL needs it: in brackets. */
  addresses(name: string): Promise<readonly string[]>;
}

export interface DnsResolverOptions {
  /** `IP` or `IP:PORT`; default: those of the system. */
  readonly servers?: readonly string[];
  /** An IP address to use for this name instead of asking (`RELAY_RESOLVE`). */
  readonly resolve?: (host: string) => string | undefined;
}

/** For one question to one server. */
const TIMEOUT_MS = 3_000;
const TRIES = 2;

export function createDnsResolver({ servers, resolve }: DnsResolverOptions = {}): DnsResolver {
  const ask = <T>(question: (resolver: Resolver) => Promise<readonly T[]>): Promise<readonly T[]> => {
    // Made anew each time, so that a change of the system's servers is seen.
    const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers !== undefined) resolver.setServers(servers);
    return question(resolver).catch((error: unknown) => {
      if (isNoRecord(error)) return [];
      throw error;
    });
  };
  return {
    async services(name) {
      const records = await ask((resolver) => resolver.resolveSrv(name));
      // A lone dot says that there is no such service here (RFC 2782).
      return records
        .filter(({ name: host }) => host !== '' && host !== '.')
        .map(({ name: host, port }) => ({ host: host.replace(/\.$/, ''), port }));
    },
    async addresses(name) {
      const fixed = resolve?.(name);
      const found =
        fixed === undefined
          ? (
              await Promise.all([
                ask((resolver) => resolver.resolve4(name)),
                ask((resolver) => resolver.resolve6(name)),
              ])
            ).flat()
          : [fixed];
      return found.map((address) => (isIPv6(address) ? `[${address}]` : address));
    },
  };
}

function isNoRecord(error: unknown): boolean {
  const { code } = error as { readonly code?: string };
  return code === 'ENOTFOUND' || code === 'ENODATA';
}
