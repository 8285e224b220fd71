// A real HAProxy before two Mains: callers reach them through it, by HTTP and by WebSocket, and it sends nobody to a Main that drains.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, RelayError } from '@relay/client';
import { HomeNode, systemClock, systemRandom } from '@relay/federation';
import type { Service } from '@relay/protocol';
import { freePort, waitFor } from '@relay/testkit';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../../packages/federation/src/identity/main-keys.ts';
import { dialWebSocket } from '../../packages/federation/src/link/dial-websocket.ts';
import { Machine, rpc, untilAnswers } from '../connections/nodes.ts';

/** How long a session may take to find another Main. */
const REPEAT_MS = 15_000;

interface Ports {
  readonly balanced: number;
  /** Leads to Main A alone: a Home knows each Main by its key, so each needs an address of its own. */
  readonly onlyA: number;
  readonly a: string;
  readonly b: string;
}

/** What HAProxy says itself where no Main is ready; the call was sent to none. */
const NO_MAIN =
  '{"jsonrpc":"2.0","error":{"code":-32011,"message":"Overloaded","data":{"code":"overloaded","message":"no Main Relay is ready","executed":"no"}},"id":null}';

/** The one that docs/deployment.md shows, with the ports of a test, a quicker check and a log. */
function configuration({ balanced, onlyA, a, b }: Ports): string {
  return `
global
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 2s
  timeout client 75s
  timeout server 75s
  timeout tunnel 1h
  timeout check 10s
  # A connection to a Main that is kept open may close just when the next call goes out on it.
  option http-server-close
  option redispatch
  retries 3
  retry-on conn-failure 503
  http-error status 503 content-type application/json hdr Retry-After 1 string '${NO_MAIN}'
frontend callers
  bind 127.0.0.1:${balanced}
  default_backend mains
frontend homes
  bind 127.0.0.1:${onlyA}
  default_backend a
backend mains
  balance roundrobin
  option httpchk GET /ready
  http-check expect status 200
  server a 127.0.0.1:${a} check inter 100ms fall 1 rise 1
  server b 127.0.0.1:${b} check inter 100ms fall 1 rise 1
backend a
  server a 127.0.0.1:${a}
`;
}

/** Answers when the test says so. */
class GateService implements Service {
  readonly offer = {
    name: 'gate_service',
    methods: [{ name: 'pass', params: [], returns: 'string', effect: 'pure' }],
    visibility: 'federated',
    weight: 1,
  } as const;
  readonly waiting: (() => void)[] = [];

  handle: Service['handle'] = (_call, settle) => {
    this.waiting.push(() => settle({ kind: 'result', body: new TextEncoder().encode('"passed"') }));
    return () => {};
  };
}

describe('a load balancer', () => {
  it('sees a Main drain before connections to it fail, so that no call fails', async (context) => {
    if (isMissing('haproxy', context)) return;
    await using machine = new Machine();
    const a = await machine.main('relay-a');
    const b = await machine.main('relay-b', `-peers 127.0.0.1:${a.port}`);
    const ports = { balanced: await freePort(), onlyA: await freePort(), a: a.port, b: b.port };
    const file = path.join(machine.dir, 'haproxy.cfg');
    writeFileSync(file, configuration(ports));
    const balancer = machine.run('haproxy', ['-db', '-f', file], 'haproxy');
    const url = `http://127.0.0.1:${ports.balanced}`;

    const gate = new GateService();
    const home = new HomeNode({
      nodeId: 'gate.home',
      identity: createIdentity(systemRandom),
      clock: systemClock,
      random: systemRandom,
      dial: dialWebSocket(),
      events: { emit: () => {} },
      mainKeys: createMemoryMainKeys(),
      // The session of a Home passes as well.
      urls: [`ws://127.0.0.1:${ports.onlyA}/ws/federation`, `ws://127.0.0.1:${b.port}/ws/federation`],
      software: 'relay/test',
    });
    using _home = { [Symbol.dispose]: () => home.crash() };
    home.setServices([gate]);
    home.start();
    machine.relay(`shop.rl -node-id bob.home -connect 127.0.0.1:${b.port}`, 'bob.home');
    for (const main of [a.url, b.url, url]) await untilAnswers(main, 'shop_service.get_products');
    await waitFor(() => home.connection.isRegistered('gate_service'), {
      what: 'the gate at relay-a',
      limitMs: 40_000,
    });

    const sdk = connect(`ws://127.0.0.1:${ports.balanced}`);
    using _sdk = { [Symbol.dispose]: () => void sdk.close() };
    const failures: unknown[] = [];
    let answered = 0;
    let isOver = false;
    const callers = Array.from({ length: 4 }, async (_, index) => {
      while (!isOver && failures.length === 0) {
        try {
          if (index === 0) await callOrRepeat(sdk);
          else {
            const answer = await rpc(url, 'shop_service.get_products', []);
            if (answer.error !== undefined) throw answer.error;
          }
          answered += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    });
    await waitFor(() => failures.length > 0 || answered > 100, {
      limitMs: 40_000,
      what: 'calls over both Mains',
    });

    // A call that A waits for keeps it from ending at once.
    const held = rpc(a.url, 'gate_service.pass', []);
    await waitFor(() => gate.waiting.length > 0, { what: 'the held call at the Home' });
    let hasEnded = false;
    void a.node.exited.then(() => {
      hasEnded = true;
    });
    a.node.kill('SIGTERM');
    await balancer.waitForLine(/Server mains\/a is DOWN.*Layer7 wrong status, code: 503/);
    assert.equal(hasEnded, false, 'the Main was still there when the balancer noticed');
    const before = answered;
    await waitFor(() => failures.length > 0 || answered > before + 100, {
      limitMs: 40_000,
      what: 'calls over the other Main',
    });
    gate.waiting[0]?.();
    assert.equal((await held).result, 'passed');
    assert.equal((await a.node.exited).code, 0);
    const then = answered;
    await waitFor(() => failures.length > 0 || answered > then + 100, {
      limitMs: 40_000,
      what: 'calls after the end',
    });
    isOver = true;
    await Promise.all(callers);
    // Four letters tell how a connection ended; "----" is as it should be.
    const ends = balancer.stdout.filter((line) => line.includes('mains') && !/ ---- /.test(line));
    assert.deepEqual(failures, [], ends.join('\n'));

    b.node.kill('SIGTERM');
    await balancer.waitForLine(/backend mains has no server available/);
    const { error } = await rpc(url, 'shop_service.get_products', []);
    assert.equal(error?.code, -32011);
    assert.equal(error?.data?.['executed'], 'no');
  });
});

/** A call that certainly did not run is made again: the Main that the session was with is gone, and another is being dialled. */
async function callOrRepeat(sdk: ReturnType<typeof connect>): Promise<void> {
  const limit = performance.now() + REPEAT_MS;
  for (;;) {
    try {
      await sdk.call('shop_service', 'get_products', []);
      return;
    } catch (error) {
      if (!(error instanceof RelayError) || error.executed !== 'no' || performance.now() > limit) throw error;
      await sleep(100);
    }
  }
}

function isMissing(command: string, context: TestContext): boolean {
  const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;
  if (spawnSync(command, ['-v'], { env: { ...process.env, PATH } }).error === undefined) return false;
  assert.equal(process.env['CI'], undefined, `${command} is missing: apt-get install ${command}`);
  context.skip(`${command} is missing: apt-get install ${command}`);
  return true;
}
