import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { encodeUtf8 } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { systemClock, systemRandom } from '../clock.ts';
import { Admission } from '../identity/admission.ts';
import { createMemoryAdmissionStore } from '../identity/admission-store.ts';
import { createIdentity } from '../identity/keys.ts';
import { createMemoryMainKeys } from '../identity/main-keys.ts';
import { acceptUpgrades } from '../link/accept.ts';
import { dialWebSocket } from '../link/dial-websocket.ts';
import { HomeRelayConnectionManager } from './home-relay-connection-manager.ts';
import { MainRelayConnectionManager } from './main-relay-connection-manager.ts';
import { call, Owner, offer, send } from './scene.test.ts';

const COMMON = {
  clock: systemClock,
  random: systemRandom,
  dial: dialWebSocket(),
  events: { emit: () => {} },
  software: 'relay/test',
};

async function startMain(self: string) {
  const server = createServer();
  const owner = new Owner();
  const manager = new MainRelayConnectionManager({
    ...COMMON,
    self,
    owner,
    identity: createIdentity(systemRandom),
    admission: new Admission({ self, clock: systemClock, store: createMemoryAdmissionStore() }),
  });
  acceptUpgrades(server, {
    clock: systemClock,
    isDraining: () => false,
    pendingHandshakes: () => manager.pendingHandshakes,
    paths: {
      '/ws/federation': {
        origins: 'allowed',
        accept: (link, info) => manager.accept(link, 'federation', info),
      },
      '/ws/peers': { origins: 'none', accept: (link, info) => manager.accept(link, 'peers', info) },
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    manager,
    owner,
    url: `ws://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await manager.stop();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('a federation over real sockets', () => {
  it('connects a Home and two Mains, and carries small and big calls', async () => {
    await using a = await startMain('relay-a');
    await using b = await startMain('relay-b');
    a.manager.addPeer(`${b.url}/ws/peers`, 'flag');
    b.manager.addPeer(`${a.url}/ws/peers`, 'flag');
    const home = new HomeRelayConnectionManager({
      ...COMMON,
      self: 'alice.home',
      identity: createIdentity(systemRandom),
      urls: [`${a.url}/ws/federation`],
      owner: new Owner(),
      mainKeys: createMemoryMainKeys(),
    });
    home.offer([offer('shop')]);
    home.start();
    await waitFor(() => a.owner.serviceCount('alice.home') === 1, { what: 'the registration' });
    await waitFor(() => a.manager.peer('relay-b') !== undefined && b.manager.peer('relay-a') !== undefined);
    // A transit: what relay-b asks relay-a goes on to the Home, without a copy of the body.
    a.owner.onCall = (_session, request, settle) => a.manager.home('alice.home')!.call(request, settle);
    const way = b.manager.peer('relay-a')!;
    const deadline = systemClock.now() + 30_000;
    const params = encodeUtf8(`"${'é'.repeat(5_000_000)}"`);
    const big = send(way, call('echo', { deadline, params }));
    const small = Array.from({ length: 500 }, () => send(way, call('echo', { deadline })));
    await waitFor(() => small.every(({ outcomes }) => outcomes[0]?.kind === 'result'), {
      what: 'small calls',
    });
    await waitFor(() => big.outcomes.length === 1, { what: 'the big call' });
    const [result] = big.outcomes;
    assert.ok(result?.kind === 'result');
    assert.equal(Buffer.compare(result.body, params), 0);
    await home.stop({ drain: true });
    await waitFor(() => a.manager.home('alice.home') === undefined, { what: 'the Home to leave' });
    assert.equal(a.owner.serviceCount('alice.home'), 0);
  });
});
