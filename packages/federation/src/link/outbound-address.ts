// Addresses that a node does not dial because somebody named them over HTTP: an administrator's mistake, or a page or program that got
// hold of the administrator's credential, must not reach the metadata service of a cloud or everybody on the wire at once. Loopback and
// private networks stay allowed, as most nodes live there; what the operator writes into flags and configuration is not asked.
// Source: security.md S15, http-api.md §2.8.

import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

type Subnet = readonly [address: string, prefix: number];

const KINDS: readonly { readonly kind: string; readonly subnets: readonly Subnet[] }[] = [
  {
    kind: 'unspecified',
    subnets: [
      ['0.0.0.0', 8],
      ['::', 128],
    ],
  },
  // The last one: the same addresses behind a translator to IPv4.
  {
    kind: 'link-local',
    subnets: [
      ['169.254.0.0', 16],
      ['fe80::', 10],
      ['64:ff9b::a9fe:0', 112],
    ],
  },
  // Metadata services of clouds outside the link-local range.
  {
    kind: 'cloud metadata',
    subnets: [
      ['100.100.100.200', 32],
      ['fd00:ec2::254', 128],
      ['fd20:ce::254', 128],
    ],
  },
  {
    kind: 'multicast',
    subnets: [
      ['224.0.0.0', 4],
      ['ff00::', 8],
    ],
  },
  { kind: 'broadcast or reserved', subnets: [['240.0.0.0', 4]] },
];

const REFUSED = KINDS.map(({ kind, subnets }) => {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, familyOf(address));
  return { kind, list };
});

/**
 * Why an outsider may not have `host` dialled, as a sentence; undefined if they may. `host` is a name or an IP address, with or
 * without brackets. A name is judged by what it resolves to, when it is dialled.
 */
export function outboundRefusal(host: string): string | undefined {
  const address = asAddress(host);
  if (address === undefined) return undefined;
  const found = REFUSED.find(({ list }) => list.check(address, familyOf(address)));
  return found === undefined ? undefined : `${address} is a ${found.kind} address, which is not dialled`;
}

/** Every address of a host name, as that of `node:dns` with `all`. */
export type Lookup = (
  host: string,
  options: LookupOptions & { all: true },
  settle: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** For sockets to a host that an outsider named: finds allowed addresses only. */
export const restrictedLookup = (find: Lookup = lookup): LookupFunction => {
  return (host, options, settle) =>
    find(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        settle(error, '', 0);
        return;
      }
      const allowed = addresses.filter(({ address }) => outboundRefusal(address) === undefined);
      const [first] = allowed;
      if (first === undefined) settle(notAllowed(host, addresses), '', 0);
      else if (options.all === true) settle(null, allowed);
      else settle(null, first.address, first.family);
    });
};

function notAllowed(host: string, [first]: readonly LookupAddress[]): Error {
  const reason = first === undefined ? 'it has no address' : outboundRefusal(first.address);
  return new Error(`${host} is not dialled: ${reason}`);
}

/** The address that a socket would dial: `0xa9fea9fe`, `2852039166` and `169.254.43518` are one as well. */
function asAddress(host: string): string | undefined {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return bare;
  const url = `http://${host}/`;
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  const normal = hostname.replace(/^\[|\]$/g, '');
  return isIP(normal) === 0 ? undefined : normal;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
