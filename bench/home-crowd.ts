// Many Homes in one process, each with its own key, link and services: home-crowd.ts URL FIRST COUNT [SERVICES]. Their keys are made
// before it says that it is ready. Asked, it tells how many are registered and how often a Home had to dial since it was told to start or to count.

import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import type { Body, Service } from '@relay/protocol';
import { createIdentity } from '../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../packages/federation/src/link/dial-websocket.ts';
import { sayReady } from './processes.ts';

const [url = '', first = '0', count = '1', services = '1'] = process.argv.slice(2);

/** Says which Home it is of. A Home's first service has its name, the others a number more. */
function service(id: string, index: number): Service {
  const method = { name: 'who', params: [], returns: 'string', effect: 'pure' } as const;
  const body: Body = new TextEncoder().encode(JSON.stringify(id));
  return {
    offer: {
      name: `service_${id.replace('-', '_')}${index === 0 ? '' : `_${index}`}`,
      methods: [method],
      visibility: 'federated',
      weight: 1,
    },
    handle: (_call, settle) => {
      settle({ kind: 'result', body });
      return () => {};
    },
  };
}

/**
 * Homes that begin at once. Each stands for a machine of its own: thousands that begin in one turn of this event loop would wait for
 * each other here, and run out of time here.
 */
const AT_ONCE = 50;

const dial = dialWebSocket();
/** Dials of each Home, of all, and of the one that needed most. */
const attempts = new Map<string, number>();
let dials = 0;
let maxAttempts = 0;
const nodes = Array.from({ length: Number(count) }, (_, index) => {
  const nodeId = `home-${Number(first) + index}`;
  const node = new HomeNode({
    nodeId,
    identity: createIdentity(systemRandom),
    clock: systemClock,
    random: systemRandom,
    dial: (to) => {
      const count = (attempts.get(nodeId) ?? 0) + 1;
      attempts.set(nodeId, count);
      dials += 1;
      maxAttempts = Math.max(maxAttempts, count);
      return dial(to);
    },
    events: {
      emit: ({ kind }) => {
        if (kind === 'connected') startNext();
      },
    },
    mainKeys: createMemoryMainKeys(),
    urls: [`${url}/ws/federation`],
    software: 'relay/bench',
  });
  node.setServices(Array.from({ length: Number(services) }, (_, index) => service(nodeId, index)));
  return node;
});

let started = 0;
function startNext(): void {
  nodes[started]?.start();
  started += 1;
}

const isIn = (node: HomeNode): boolean =>
  [...node.registry.ownServices()].every(({ description }) => node.connection.isRegistered(description.name));
/** Those that were not in when somebody asked last: looking at all each time would cost more than some of them need to join. */
let outside: readonly HomeNode[] = nodes;
process.on('message', (order: { kind: 'start' | 'count' | 'state' }) => {
  if (order.kind === 'start') for (let index = 0; index < AT_ONCE; index += 1) startNext();
  if (order.kind === 'count') {
    // The Main was away and listens again: attempts count from now on.
    attempts.clear();
    dials = 0;
    maxAttempts = 0;
    outside = nodes;
  }
  outside = outside.filter((node) => !isIn(node));
  // Some may have lost their link since.
  if (outside.length === 0) outside = nodes.filter((node) => !isIn(node));
  process.send?.({ registered: nodes.length - outside.length, dials, maxAttempts });
});
sayReady({ count: nodes.length });
