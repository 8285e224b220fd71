// Mains that find each other by DNS: a network namespace with a name server of its own (dnsmasq), as the only one its processes know.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { Machine, relayArguments } from '../connections/nodes.ts';

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const SPACE = `rd${process.pid % 100_000}`;
/** The command `ip netns exec` puts the files of this folder in the place of those in /etc. */
const ETC = `/etc/netns/${SPACE}`;

function ip(...args: string[]) {
  return spawnSync('ip', args, { env: { ...process.env, PATH }, encoding: 'utf8' });
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const has = (command: string): boolean =>
    PATH.split(':').some((folder) => folder !== '' && existsSync(`${folder}/${command}`));
  if (!has('ip')) return 'needs ip (Debian package iproute2)';
  if (!has('dnsmasq')) return 'needs dnsmasq (Debian package dnsmasq-base)';
  const made = ip('netns', 'add', SPACE);
  if (made.status !== 0) return `cannot make network namespaces: ${made.stderr}`.trim();
  ip('netns', 'del', SPACE);
  return undefined;
}

function network(): Disposable {
  ip('netns', 'add', SPACE);
  ip('-n', SPACE, 'link', 'set', 'lo', 'up');
  mkdirSync(ETC, { recursive: true });
  writeFileSync(path.join(ETC, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  return {
    [Symbol.dispose]() {
      ip('netns', 'del', SPACE);
      rmSync(ETC, { recursive: true, force: true });
    },
  };
}

interface PeerEntry {
  readonly id: string | null;
  readonly url: string;
  readonly state: string;
  readonly source: string;
  readonly last_error: string | null;
}

const reason = whyNot();

describe('Mains that DNS names', {
  skip: process.env['CI'] === undefined && reason !== undefined ? reason : false,
}, () => {
  it('become peers by SRV and by address, are followed (RELAY_LONG=1), and a name without anybody shows as down', async () => {
    assert.equal(reason, undefined, 'CI has what this test needs');
    using _network = network();
    await using machine = new Machine();
    const inSpace = (command: string, args: readonly string[], dataDir: string) =>
      machine.run('ip', ['netns', 'exec', SPACE, command, ...args], dataDir, { PATH });
    const main = (id: string, address: string, peers: string) =>
      inSpace(
        process.execPath,
        relayArguments(`-server -node-type main -node-id ${id} -host ${address} -port 8080 -peers ${peers}`),
        id,
      );
    const get = (address: string, what: string) =>
      ip('netns', 'exec', SPACE, 'curl', '-s', '-m', '5', `http://${address}:8080${what}`).stdout;
    const peersOf = (address: string): readonly PeerEntry[] => {
      const text = get(address, '/federation/peers');
      return text === '' ? [] : (JSON.parse(text) as { readonly peers: readonly PeerEntry[] }).peers;
    };
    const hasPeers = (address: string, ids: readonly string[]): Promise<void> =>
      waitFor(
        () => {
          const connected = peersOf(address).filter(({ state }) => state === 'connected');
          return JSON.stringify([...new Set(connected.map(({ id }) => id))]) === JSON.stringify(ids);
        },
        { limitMs: 60_000, what: `${address} to have the peers ${ids.join(', ')}`, turn: pause },
      );

    const hosts = path.join(machine.dir, 'hosts');
    writeFileSync(hosts, '127.0.0.11 relays.test\n127.0.0.12 relays.test\n');
    const names = inSpace(
      'dnsmasq',
      [
        ...[
          '--keep-in-foreground',
          '--log-facility=-',
          '--no-resolv',
          '--no-hosts',
          '--user=root',
          '--pid-file=',
        ],
        ...['--listen-address=127.0.0.1', '--bind-interfaces', '--local=/test/', `--addn-hosts=${hosts}`],
        ...['--host-record=b.pods.test,127.0.0.12', '--host-record=c.pods.test,127.0.0.13'],
        ...[
          '--srv-host=_relay._tcp.pods.test,b.pods.test,8080',
          '--srv-host=_relay._tcp.pods.test,c.pods.test,8080',
        ],
      ],
      'names',
    );
    await names.waitForLine(/started/);

    const a = main('relay-a', '127.0.0.11', 'dns://relays.test');
    const b = main('relay-b', '127.0.0.12', 'dns://relays.test');
    // Found by SRV only, and a name that leads nowhere.
    const c = main('relay-c', '127.0.0.13', 'dns://pods.test,dns://nobody.test');
    await Promise.all([a, b, c].map((node) => node.waitForLine(/^Press Ctrl\+C to stop$/)));
    await hasPeers('127.0.0.11', ['relay-b']);
    await hasPeers('127.0.0.12', ['relay-a', 'relay-c']);
    await hasPeers('127.0.0.13', ['relay-b']);

    // Once the link that relay-b dialled and its own have become one peer; the address of the Main itself is dropped.
    const ways = (): string =>
      JSON.stringify(peersOf('127.0.0.11').map(({ id, url, source }) => [id, url, source]));
    await waitFor(() => ways() === '[["relay-b","ws://127.0.0.12:8080/ws/peers","dns"]]', {
      limitMs: 60_000,
      what: 'relay-b as the only peer of relay-a',
      turn: pause,
    });
    const nobody = peersOf('127.0.0.13').find(({ url }) => url === 'dns://nobody.test');
    assert.deepEqual(
      [nobody?.id, nobody?.state, nobody?.last_error],
      [null, 'down', 'no such host nobody.test'],
    );
    const health = JSON.parse(get('127.0.0.13', '/federation/health')) as { readonly status: string };
    assert.equal(health.status, 'degraded');

    // The names are asked for every 30 s: in CI always, elsewhere when asked for.
    if (process.env['CI'] === undefined && process.env['RELAY_LONG'] === undefined) return;
    writeFileSync(hosts, '127.0.0.11 relays.test\n127.0.0.12 relays.test\n127.0.0.13 relays.test\n');
    names.kill('SIGHUP');
    await hasPeers('127.0.0.11', ['relay-b', 'relay-c']);
  });
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
