// The Relay SDK for callers, in Node, Deno, Bun and browsers.

export { type Executed, type Failure, RelayError } from '@relay/protocol';
export { RelayClient, type ServiceProxy } from './client.ts';
export type { CallOptions, ConnectionState, ConnectOptions, ServiceOptions } from './options.ts';
export type { WebSocketConstructor } from './websocket-link.ts';

import { RelayClient } from './client.ts';
import type { ConnectOptions } from './options.ts';

/** Opens a connection to a Main Relay and keeps it open. Returns at once; the first call waits for it. */
export function connect(url: string, options?: ConnectOptions): RelayClient {
  return new RelayClient(url, options);
}
