// Many Homes in one process, each with its own key, link and service: home-crowd.ts URL FIRST COUNT. Says when all of them are
// connected, and after each loss again; asked, it tells how often each had to dial since the last answer.

import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import type { Body, Service } from '@relay/protocol';
import { createIdentity } from '../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../packages/federation/src/link/dial-websocket.ts';
import { sayReady } from './processes.ts';

const [url = '', first = '0', count = '1'] = process.argv.slice(2);

/** Says who it is. */
function service(id: string): Service {
  const method = { name: 'who', params: [], returns: 'string', effect: 'pure' } as const;
  const body: Body = new TextEncoder().encode(JSON.stringify(id));
  return {
    offer: { name: `service_${id.replace('-', '_')}`, methods: [method], visibility: 'federated', weight: 1 },
    handle: (_call, settle) => {
      settle({ kind: 'result', body });
      return () => {};
    },
  };
}

const dial = dialWebSocket();
const attempts = new Map<string, number>();
/** The Main was away and has been reached by somebody again: attempts count from then on. */
let isCounting = false;
const nodes = Array.from({ length: Number(count) }, (_, index) => {
  const nodeId = `home-${Number(first) + index}`;
  const node = new HomeNode({
    nodeId,
    identity: createIdentity(systemRandom),
    clock: systemClock,
    random: systemRandom,
    dial: (to) => {
      if (isCounting) attempts.set(nodeId, (attempts.get(nodeId) ?? 0) + 1);
      return dial(to);
    },
    events: { emit: () => {} },
    mainKeys: createMemoryMainKeys(),
    urls: [`${url}/ws/federation`],
    software: 'relay/bench',
  });
  node.setServices([service(nodeId)]);
  return node;
});

const isIn = (node: HomeNode): boolean =>
  [...node.registry.ownServices()].every(({ description }) => node.connection.isRegistered(description.name));
process.on('message', (order: { kind: 'start' | 'count' | 'state' }) => {
  if (order.kind === 'start') for (const node of nodes) node.start();
  if (order.kind === 'count') isCounting = true;
  const registered = nodes.filter(isIn).length;
  process.send?.({ registered, maxAttempts: Math.max(0, ...attempts.values()) });
});
sayReady({ count: nodes.length });
