// A Home behind a real NAT: a network namespace whose only way out is a masquerading router, with no way in. The Main stands outside.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { Machine, relayArguments } from './nodes.ts';

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
/** Names of its own, so that two runs on one machine do not meet. */
const TAG = `rl${process.pid % 100_000}`;
const SPACE = { home: `${TAG}-home`, nat: `${TAG}-nat`, main: `${TAG}-main` };
const MAIN = '203.0.113.1';
const NAT = '203.0.113.2';

function sh(line: string): void {
  execFileSync('/bin/sh', ['-ec', line], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const has = (command: string): boolean =>
    PATH.split(':').some((folder) => folder !== '' && existsSync(`${folder}/${command}`));
  if (!has('ip')) return 'needs ip (Debian package iproute2)';
  if (!has('nft')) return 'needs nft (Debian package nftables)';
  const made = spawnSync('ip', ['netns', 'add', SPACE.home], { env: { ...process.env, PATH } });
  if (made.status !== 0) return `cannot make network namespaces: ${made.stderr}`.trim();
  sh(`ip netns del ${SPACE.home}`);
  return undefined;
}

/** home (10.99.0.2) -- 10.99.0.1 nat 203.0.113.2 -- 203.0.113.1 main; the Main has no route to 10.99.0.0/24. */
function network(): Disposable {
  const { home, nat, main } = SPACE;
  const drop = (): void => {
    for (const space of [home, nat, main])
      spawnSync('ip', ['netns', 'del', space], { env: { ...process.env, PATH } });
  };
  try {
    sh(`
      ip netns add ${home}; ip netns add ${nat}; ip netns add ${main}
      ip link add ${TAG}a netns ${home} type veth peer name ${TAG}b netns ${nat}
      ip link add ${TAG}c netns ${nat} type veth peer name ${TAG}d netns ${main}
      ip -n ${home} addr add 10.99.0.2/24 dev ${TAG}a
      ip -n ${nat} addr add 10.99.0.1/24 dev ${TAG}b
      ip -n ${nat} addr add ${NAT}/24 dev ${TAG}c
      ip -n ${main} addr add ${MAIN}/24 dev ${TAG}d
      for space in ${home} ${nat} ${main}; do ip -n $space link set lo up; done
      ip -n ${home} link set ${TAG}a up; ip -n ${nat} link set ${TAG}b up
      ip -n ${nat} link set ${TAG}c up; ip -n ${main} link set ${TAG}d up
      ip -n ${home} route add default via 10.99.0.1
      ip netns exec ${nat} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
      ip netns exec ${nat} nft add table ip nat
      ip netns exec ${nat} nft 'add chain ip nat out { type nat hook postrouting priority 100; }'
      ip netns exec ${nat} nft add rule ip nat out oifname ${TAG}c masquerade
      ip netns exec ${nat} nft add table ip cut
      ip netns exec ${nat} nft 'add chain ip cut forward { type filter hook forward priority 0; policy accept; }'
      ip netns exec ${nat} nft add rule ip cut forward iifname ${TAG}c ct state new drop
    `);
  } catch (error) {
    drop();
    throw error;
  }
  return { [Symbol.dispose]: drop };
}

const reason = whyNot();

describe('a Home behind NAT', {
  skip: process.env['CI'] === undefined && reason !== undefined ? reason : false,
}, () => {
  it('is called through its Main, and comes back after its link was cut without a word (RELAY_LONG=1)', async () => {
    assert.equal(reason, undefined, 'CI has what this test needs');
    using _network = network();
    await using machine = new Machine();
    const run = (space: string, line: string, dataDir: string) =>
      machine.run('ip', ['netns', 'exec', space, process.execPath, ...relayArguments(line)], dataDir, {
        PATH,
      });
    const main = run(
      SPACE.main,
      `-server -node-type main -node-id relay-a -host 0.0.0.0 -port 8080`,
      'relay-a',
    );
    await main.waitForLine(/^Press Ctrl\+C to stop$/);
    const home = run(SPACE.home, `shop.rl -node-id alice.home -connect ${MAIN}:8080`, 'alice.home');
    await home.waitForLine(/^Connected to Main Relay relay-a/);

    const inMain = (...args: string[]) =>
      spawnSync('ip', ['netns', 'exec', SPACE.main, ...args], {
        env: { ...process.env, PATH },
        encoding: 'utf8',
      });
    const ask = () => inMain('curl', '-s', '-m', '5', '-d', CALL, `http://${MAIN}:8080/rpc`).stdout;
    await waitFor(() => ask().includes('"result"'), {
      limitMs: 40_000,
      what: 'the Home to answer',
      turn: pause,
    });
    // The Main sees the router, never the Home; nothing outside can open a connection to it.
    const [, port = ''] = await home.waitForLine(/^JSON-RPC: http:\/\/127\.0\.0\.1:(\d+)\/rpc$/);
    for (const target of ['10.99.0.2', NAT]) {
      const direct = inMain('curl', '-s', '-m', '2', `http://${target}:${port}/health`);
      assert.notEqual(direct.status, 0, `${target} cannot be reached from outside`);
    }

    // The bound for silence is 45 s: in CI always, elsewhere when asked for.
    if (process.env['CI'] === undefined && process.env['RELAY_LONG'] === undefined) return;
    sh(`ip netns exec ${SPACE.nat} nft insert rule ip cut forward drop`);
    // Neither side hears a FIN; the Home finds out by its silence and redials.
    await home.waitForLine(/^Lost connection to Main Relay relay-a: nothing received for \d+ s/, 70_000);
    sh(`ip netns exec ${SPACE.nat} nft flush chain ip cut forward`);
    await waitFor(() => home.stdout.filter((line) => line.startsWith('Connected to Main')).length === 2, {
      limitMs: 60_000,
      what: 'the second connection',
    });
    await waitFor(() => ask().includes('"result"'), {
      limitMs: 40_000,
      what: 'an answer after it',
      turn: pause,
    });
  });
});

const CALL = '{"jsonrpc":"2.0","method":"shop_service.get_products","params":[],"id":1}';

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
