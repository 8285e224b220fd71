// How an instance is written in the answers of several endpoints.

import type { InstanceView } from './ports.ts';

/** Text form of the node's address. */
export function addressText({ nodeId, mainRelay }: InstanceView): string {
  return mainRelay === undefined || mainRelay === nodeId ? nodeId : `${nodeId}@${mainRelay}`;
}

/** Own services and those of Homes. */
export function isLocal({ origin }: InstanceView): boolean {
  return origin === 'self' || origin === 'home';
}

/** Known only through a peer Main. A direct P2P peer belongs to this Main, though it is not local. */
export function isFederated({ origin }: InstanceView): boolean {
  return origin === 'peer';
}
