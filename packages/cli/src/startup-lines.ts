// The exact lines of a starting node, in the words of cli.md §5. Pure: what is said here is decided elsewhere.

import type { Role } from './flags.ts';
import { ROLE_NAMES } from './role.ts';

export function roleLine(role: Role, nodeId: string, isGenerated: boolean): string {
  return `Starting as ${ROLE_NAMES[role]} with ${isGenerated ? 'auto-generated node ID' : 'node ID'} ${nodeId}`;
}

export function routerLine(role: Role): string {
  return role === 'p2p'
    ? 'FederationRouter initialized in P2P mode'
    : `FederationRouter initialized as ${ROLE_NAMES[role]}`;
}

/** `url` is the HTTP address of the node. */
export function addressLines(role: Role, url: string, hasRegistry = true): string[] {
  const socket = url.replace(/^http/, 'ws');
  const lines = [`JSON-RPC: ${url}/rpc`, `Health: ${url}/health`, `Info: ${url}/info`];
  if (role === 'home' || !hasRegistry) return lines;
  lines.push(`Registry: ${url}/registry`, `WebSocket P2P: ${socket}/ws/p2p`);
  if (role === 'main') lines.push(`Federation: ${socket}/ws/federation`, `Peers: ${socket}/ws/peers`);
  return lines;
}

/** Said at every start of a node that others can reach. `host` is what the node was told to listen on. */
export function exposureWarnings(node: {
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  readonly admission: string;
  readonly hasApiToken: boolean;
}): string[] {
  if (isLoopback(node.host)) return [];
  const place = `${node.host.includes(':') ? `[${node.host}]` : node.host}:${node.port}`;
  const warnings: string[] = [];
  if (node.role === 'main' && node.admission === 'open') {
    warnings.push(
      `warning: anyone who reaches ${place} may join as a Home or peer; restrict with -admission invite`,
    );
  }
  if (!node.hasApiToken) {
    warnings.push(`warning: anyone who reaches ${place} may call services; restrict with RELAY_API_TOKEN`);
  }
  return warnings;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
