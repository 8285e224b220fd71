// A Home for the suite payload: payload-home.ts source URL answers with as many bytes as it is asked for; payload-home.ts load URL asks.
// The bytes are made once and never parsed, so that what is measured is the way.

import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import { type Body, homeAddress, type Outcome, type Service } from '@relay/protocol';
import { createIdentity } from '../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../packages/federation/src/link/dial-websocket.ts';
import { serveLoad } from './load.ts';
import { sayReady } from './processes.ts';

const [role = '', url = ''] = process.argv.slice(2);
const bodies = new Map<number, Body>();

/** JSON text of so many bytes. */
function bodyOf(bytes: number): Body {
  const body = bodies.get(bytes) ?? new TextEncoder().encode(`"${'x'.repeat(bytes - 2)}"`);
  bodies.set(bytes, body);
  return body;
}

const source: Service = {
  offer: {
    name: 'payload',
    methods: [{ name: 'get', params: [], returns: 'string', effect: 'pure' }],
    visibility: 'federated',
    weight: 1,
  },
  handle: (call, settle) => {
    settle({ kind: 'result', body: bodyOf(Number(new TextDecoder().decode(call.params))) });
    return () => {};
  },
};

const nodeId = `${role}-${process.pid}`;
const node = new HomeNode({
  nodeId,
  identity: createIdentity(systemRandom),
  clock: systemClock,
  random: systemRandom,
  dial: dialWebSocket(),
  events: { emit: () => {} },
  mainKeys: createMemoryMainKeys(),
  urls: [`${url}/ws/federation`],
  software: 'relay/bench',
});
if (role === 'source') node.setServices([source]);
node.start();

function ask(bytes: number, settle: (outcome: Outcome) => void): void {
  node.outbound(
    {
      service: 'payload',
      method: 'get',
      params: new TextEncoder().encode(String(bytes)),
      deadline: systemClock.now() + 60_000,
      source: homeAddress(nodeId),
      caller: { kind: 'program', node: nodeId },
      path: [],
      ttl: 10,
      priority: 5,
      trace: false,
      traceparent: '',
      callPath: [],
    },
    settle,
  );
}

if (role === 'source') sayReady({});
else {
  serveLoad(
    ({ bodyBytes }) =>
      (settle) =>
        ask(bodyBytes, (outcome) => {
          const isRight = outcome.kind === 'result' && outcome.body.length === bodyBytes;
          // What fails at once would be asked again at once, in the same stack.
          setImmediate(() => settle(isRight));
        }),
  );
}
