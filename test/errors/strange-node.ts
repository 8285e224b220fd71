// A node made by hand, beside real ones: a peer or a Home that answers late or never, says what it likes, and breaks rules that no
// Relay node breaks.

import { dialWebSocket, targetOf } from '@relay/federation';
import {
  ALREADY_SETTLED,
  type Call,
  type CallHandler,
  codecFor,
  encodeBase64url,
  homeAddress,
  INSTANCE_BYTES,
  mainAddress,
  Session,
  type SessionOwner,
} from '@relay/protocol';
import { systemClock, systemRandom } from '../../packages/federation/src/clock.ts';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { dialHandshake } from '../../packages/federation/src/link/handshake.ts';

export interface StrangeNode {
  readonly session: Session;
  /** Of AUTH, for what it registers or advertises. */
  readonly instance: string;
  /** Calls that came, in order. */
  readonly calls: readonly Call[];
}

/** Opens a session with the Main at `host`. `answer` gets every call that comes over it; without one none is ever answered. */
export async function joinStrangely(
  host: string,
  role: 'home' | 'main',
  id: string,
  answer: (session: Session, ...call: Parameters<CallHandler>) => void = () => {},
): Promise<StrangeNode> {
  const url = `ws://${host}${role === 'main' ? '/ws/peers' : '/ws/federation'}`;
  const instance = encodeBase64url(systemRandom.bytes(INSTANCE_BYTES));
  const { link, challenge, welcome } = await dialHandshake(
    await dialWebSocket()(url),
    createIdentity(systemRandom),
    {
      clock: systemClock,
      random: systemRandom,
      role,
      nodeId: id,
      target: targetOf(url),
      instance,
      software: 'strange',
      onChallenge: () => undefined,
    },
  );
  const calls: Call[] = [];
  const owner: SessionOwner = {
    onOpened: () => {},
    onCall(session, call, settle) {
      calls.push(call);
      answer(session, call, settle);
      return ALREADY_SETTLED;
    },
    onRegistration: (_session, { seq }) => ({ seq }),
    onDiscovery: () => {},
    onDrain: () => {},
    registryState: () => undefined,
    onRegistryState: () => {},
    load: () => ({ inFlight: 0, capacity: 1_000 }),
    onClosed: () => {},
  };
  const self = role === 'main' ? mainAddress(id) : homeAddress(id, challenge.nodeId);
  const session = new Session({
    self: id,
    isMain: role === 'main',
    link,
    codec: codecFor(link, self, systemClock, welcome.limits),
    identity: {
      id: welcome.session,
      role: 'main',
      nodeId: challenge.nodeId,
      instance: '',
      epoch: welcome.epoch,
      direction: 'outbound',
      url,
      remoteAddress: targetOf(url),
      limits: welcome.limits,
      heartbeatMs: welcome.heartbeatMs,
    },
    owner,
    clock: systemClock,
    random: systemRandom,
  });
  session.start();
  return { session, instance, calls };
}

/** As a Main does for a Home of its own: `service` runs at `home`. */
export function advertise(
  { session, instance }: StrangeNode,
  main: string,
  home: string,
  service: string,
): void {
  session.sendDiscovery({
    kind: 'snapshot',
    instance,
    seq: 1,
    complete: true,
    add: [
      {
        name: service,
        methods: [],
        visibility: 'federated',
        weight: 1,
        instance,
        node: homeAddress(home, main),
        healthy: true,
        capacity: 1_000,
        seq: 1,
      },
    ],
  });
}
