// What the reference describes and this version cannot do yet. A setting must never be a silent no-op.

import type { NodeSettings } from './settings.ts';
import { CommandFailure } from './usage.ts';

export function checkAvailable(settings: NodeSettings): void {
  const missing = firstMissing(settings);
  if (missing !== undefined) throw new CommandFailure(`${missing} is not available in this version yet`);
}

function firstMissing(settings: NodeSettings): string | undefined {
  const dns = settings.peers.find((url) => url.startsWith('dns://'));
  return dns === undefined ? undefined : `-peers ${dns}`;
}
