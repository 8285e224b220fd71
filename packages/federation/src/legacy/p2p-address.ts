// What a person writes as the address of a P2P peer (cli.md §3, http-api.md §9), and the id of the node there if it is written too.

import { isNodeId } from '@relay/protocol';

export interface P2pAddress {
  /** Undefined: to be asked for at `/registry/health`. */
  readonly id: string | undefined;
  /** `host:port`, as shown to others. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Named over HTTP and not by the operator: the rules for outbound addresses hold. Default false. */
  readonly isRestricted?: boolean;
}

/** Without the port; IPv6 in brackets. */
export function hostOf({ address }: P2pAddress): string {
  return address.slice(0, address.lastIndexOf(':'));
}

const FORM =
  /^(?:(https?|wss?):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(\d{1,5}))?\/?$/i;

/** Of a name in DNS. */
const MAX_HOST_CHARS = 253;

export function parseP2pAddress(text: string): P2pAddress | undefined {
  const at = text.indexOf('@');
  const id = at < 0 ? undefined : text.slice(0, at);
  if (id !== undefined && !isNodeId(id)) return undefined;
  const match = FORM.exec(text.slice(at + 1));
  if (match === null) return undefined;
  const [, scheme, host = '', port] = match;
  const isSecure = scheme?.toLowerCase() === 'https' || scheme?.toLowerCase() === 'wss';
  const number = Number(port ?? (scheme === undefined ? 8080 : isSecure ? 443 : 80));
  if (number < 1 || number > 65_535 || host.length > MAX_HOST_CHARS) return undefined;
  return { id, address: `${host.toLowerCase()}:${number}`, isSecure };
}
