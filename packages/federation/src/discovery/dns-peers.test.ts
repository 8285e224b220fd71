import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { ConfiguredPeer, type PeerView } from '../nodes/configured-peer.ts';
import { DnsPeers } from './dns-peers.ts';
import type { DnsResolver, ServiceRecord } from './dns-resolver.ts';

const NAME = 'dns://relays.example.com';
const A = 'ws://10.0.0.1:8080/ws/peers';
const B = 'ws://10.0.0.2:8080/ws/peers';

/** DNS and dialler of a test, both by hand. */
class Scene implements DnsResolver {
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  readonly dialled = new Map<string, PeerView['state']>();
  records: readonly ServiceRecord[] = [];
  hosts: readonly string[] = [];
  failure: Error | undefined;
  asked: string[] = [];
  readonly peers = new DnsPeers({
    resolver: this,
    clock: this.clock,
    warn: (message) => this.warnings.push(message),
    peers: {
      peers: () => [...this.dialled].map(([url, state]) => ({ ...viewOf(url), state })),
      addPeer: (url) => {
        if (this.dialled.has(url)) return { kind: 'unchanged' };
        this.dialled.set(url, 'down');
        return { kind: 'added' };
      },
      removePeer: (url) => this.dialled.delete(url),
    },
  });

  async services(name: string): Promise<readonly ServiceRecord[]> {
    this.asked.push(name);
    if (this.failure !== undefined) throw this.failure;
    return this.records;
  }

  async addresses(): Promise<readonly string[]> {
    return this.hosts;
  }

  get urls(): readonly string[] {
    return [...this.dialled.keys()].toSorted();
  }
}

function viewOf(url: string): PeerView {
  const random = { next: () => 0, bytes: (count: number) => new Uint8Array(count) };
  return new ConfiguredPeer(url, 'dns', undefined, random).view(undefined, 0);
}

describe('peers from DNS', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
  });

  it('are those of the SRV records, with their ports', async () => {
    scene.records = [
      { host: 'a.example.com', port: 8081 },
      { host: 'b.example.com', port: 443 },
    ];
    scene.hosts = ['10.0.0.1'];
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    assert.deepEqual(scene.asked, ['_relay._tcp.relays.example.com']);
    assert.deepEqual(scene.urls, ['ws://a.example.com:8081/ws/peers', 'wss://b.example.com:443/ws/peers']);
  });

  it('are those of the addresses where there is no SRV record', async () => {
    scene.hosts = ['10.0.0.1', '[fd00::2]'];
    scene.peers.add(NAME, 'flag');
    scene.peers.add('dns://other.example.com:9000', 'flag');
    await scene.clock.advance(0);
    assert.deepEqual(scene.urls, [
      'ws://10.0.0.1:8080/ws/peers',
      'ws://10.0.0.1:9000/ws/peers',
      'ws://[fd00::2]:8080/ws/peers',
      'ws://[fd00::2]:9000/ws/peers',
    ]);
  });

  it('follow the answers, looked up every 30 s', async () => {
    scene.hosts = ['10.0.0.1'];
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(29_999);
    assert.equal(scene.asked.length, 1);
    scene.hosts = ['10.0.0.1', '10.0.0.2'];
    assert.deepEqual(scene.urls, [A]);
    await scene.clock.advance(1);
    assert.deepEqual(scene.urls, [A, B]);
    scene.hosts = ['10.0.0.2'];
    await scene.clock.advance(30_000);
    assert.deepEqual(scene.urls, [B]);
  });

  it('stay while they are connected, and go when they are not any more', async () => {
    scene.hosts = ['10.0.0.1', '10.0.0.2'];
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    scene.dialled.set(A, 'connected');
    scene.hosts = ['10.0.0.2'];
    await scene.clock.advance(30_000);
    assert.deepEqual(scene.urls, [A, B]);
    scene.dialled.set(A, 'down');
    await scene.clock.advance(30_000);
    assert.deepEqual(scene.urls, [B]);
  });

  it('stay when the name server does not answer; that is told once', async () => {
    scene.hosts = ['10.0.0.1'];
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    scene.failure = Object.assign(new Error('queryA ETIMEOUT'), { code: 'ETIMEOUT' });
    await scene.clock.advance(90_000);
    assert.deepEqual(scene.urls, [A]);
    assert.deepEqual(scene.warnings, [
      'peers dns://relays.example.com: cannot look up relays.example.com: no answer from the name server; looked up again every 30 s',
    ]);
    const [entry] = scene.peers.unresolved();
    assert.equal(entry?.state, 'down');
    assert.equal(entry?.lastError, 'cannot look up relays.example.com: no answer from the name server');
    scene.failure = undefined;
    await scene.clock.advance(30_000);
    assert.deepEqual(scene.peers.unresolved(), []);
  });

  it('are missed, and shown as down, where DNS names nobody', async () => {
    scene.peers.add(NAME, 'flag');
    assert.equal(scene.peers.unresolved()[0]?.state, 'connecting');
    await scene.clock.advance(0);
    const [entry] = scene.peers.unresolved();
    assert.deepEqual(
      [entry?.url, entry?.source, entry?.state, entry?.lastError],
      [NAME, 'flag', 'down', 'no such host relays.example.com'],
    );
  });

  it('are not taken away where they are configured by hand as well', async () => {
    scene.dialled.set(A, 'down');
    scene.hosts = ['10.0.0.1', '10.0.0.2'];
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    assert.equal(scene.peers.remove(NAME), true);
    assert.deepEqual(scene.urls, [A]);
    assert.equal(scene.peers.remove(NAME), false);
  });

  it('are at most 256 of one name', async () => {
    scene.records = Array.from({ length: 1_000 }, (_, index) => ({ host: `m${index}`, port: 8080 }));
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    assert.equal(scene.urls.length, 256);
  });

  it('are looked up no more after the end', async () => {
    scene.peers.add(NAME, 'flag');
    await scene.clock.advance(0);
    scene.peers.stop();
    await scene.clock.advance(300_000);
    assert.equal(scene.asked.length, 1);
    assert.equal(scene.clock.pendingTimers, 0);
  });
});
