// The migration plan's test cases of tasks 1.1 to 3.2, typed as the plan writes them: real processes, default
// ports, the plan's host names. Each test has loopback addresses of its own, so that port 8080 is free.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';

const ROOT = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);

/** One machine of the plan: an own loopback address that all its host names mean. */
class Machine implements AsyncDisposable {
  static #count = 0;
  readonly address: string;
  readonly #dataDir = mkdtempSync(path.join(tmpdir(), 'relay-plan-'));
  readonly #processes: StartedProcess[] = [];

  constructor() {
    Machine.#count += 1;
    this.address = `127.${10 + (process.pid % 200)}.${(process.pid >> 8) % 250}.${Machine.#count}`;
  }

  get env(): Record<string, string> {
    const names = ['relay-a.com', 'relay-b.com', 'relay-c.com', 'relay.com', 'peer.relay.com', 'localhost'];
    return {
      RELAY_HOST: this.address,
      RELAY_RESOLVE: names.map((name) => `${name}=${this.address}`).join(','),
      RELAY_DATA_DIR: this.#dataDir,
    };
  }

  /** Starts `./relay …` from the repository root. */
  relay(line: string): StartedProcess {
    const started = startProcess('./relay', line.split(' '), { cwd: ROOT, env: this.env });
    this.#processes.push(started);
    return started;
  }

  /** A file of this machine; returns its path. */
  write(name: string, text: string): string {
    const file = path.join(this.#dataDir, name);
    writeFileSync(file, text);
    return file;
  }

  /** Waits until a node is ready to work. */
  async ready(node: StartedProcess): Promise<string> {
    const [, url = ''] = await node.waitForLine(/^Health: (\S+)\/health$/, 20_000);
    await waitFor(
      () =>
        fetch(`${url}/ready`)
          .then(({ status }) => status === 200)
          .catch(() => false),
      {
        what: `${url}/ready`,
        limitMs: 20_000,
      },
    );
    return url;
  }

  /** `curl URL` with the plan's host names. */
  async curl(...args: string[]): Promise<Json> {
    const resolve = ['8080', '8081', '8082'].flatMap((port) =>
      ['relay-a.com', 'relay-b.com'].flatMap((name) => ['--resolve', `${name}:${port}:${this.address}`]),
    );
    const { stdout } = await run('curl', ['-s', ...resolve, ...args]);
    return JSON.parse(stdout) as Json;
  }

  /** The plan's `curl -X POST … -d '{"method":"remote_call"…}'`. */
  remoteCall(main: string, params: object): Promise<Json> {
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
    return this.curl('-X', 'POST', `http://${main}/rpc`, '-d', body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((node) => node.stop()));
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are compared field by field, and a missing one fails the comparison.
type Json = any;

let machine: Machine;
function onMachine(name: string, body: (machine: Machine) => Promise<void>): void {
  it(name, async () => {
    machine = new Machine();
    await body(machine);
  });
}
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

describe('task 1.1: FederationRouter replaces WebSocketP2P', () => {
  onMachine('test 1: ./relay -server -node-type main', async (on) => {
    const main = on.relay('-server -node-type main');
    await main.waitForLine(/^FederationRouter initialized as Main Relay$/, 20_000);
    const url = await on.ready(main);
    assert.equal(url, `http://${on.address}:8080`);
    assert.match(
      main.stdout[0] ?? '',
      /^Starting as Main Relay with auto-generated node ID main-[0-9a-f]{16}$/,
    );
  });

  onMachine('test 2: ./relay blog.rl -node-type home -connect ws://localhost:8080', async (on) => {
    const home = on.relay('blog.rl -node-type home -connect ws://localhost:8080');
    await home.waitForLine(/^FederationRouter initialized as Home Relay$/, 20_000);
    await home.waitForLine(
      /^Failed to connect to Main Relay ws:\/\/localhost:8080\/ws\/federation: connection refused/,
      20_000,
    );
  });
});

describe('task 1.3: connections by node type', () => {
  onMachine('test 1: one outbound connection, established and maintained', async (on) => {
    await on.ready(on.relay('-server -node-type main -node-id relay.com'));
    const home = on.relay('blog.rl -node-type home -connect ws://relay.com:8080');
    await home.waitForLine(
      /^Connected to Main Relay relay\.com \(ws:\/\/relay\.com:8080\/ws\/federation\)$/,
      20_000,
    );
  });

  onMachine('test 2: a Main accepts Homes and dials its peers', async (on) => {
    const main = on.relay('-server -node-type main -peers ws://peer.relay.com:8080 -port 8081');
    await main.waitForLine(
      /^Failed to connect to peer ws:\/\/peer\.relay\.com:8080\/ws\/peers: connection refused/,
      20_000,
    );
    const peer = on.relay('-server -node-type main -node-id peer.relay.com');
    await main.waitForLine(/^Connected to peer peer\.relay\.com/, 20_000);
    await on.ready(peer);
    const home = on.relay('blog.rl -node-type home -connect ws://localhost:8081');
    await home.waitForLine(/^Connected to Main Relay/, 20_000);
  });

  onMachine('test 3: a Home reconnects after its Main was killed and started again', async (on) => {
    const first = on.relay('-server -node-type main');
    await on.ready(first);
    const home = on.relay('blog.rl -node-type home -connect ws://localhost:8080');
    await home.waitForLine(/^Connected to Main Relay/, 20_000);
    first.kill('SIGKILL');
    await home.waitForLine(/^Lost connection to Main Relay \S+: .*; retry 1 in /, 20_000);
    const lines = home.stdout.length;
    const second = on.relay('-server -node-type main');
    await waitFor(() => home.stdout.slice(lines).some((line) => line.startsWith('Connected to Main Relay')), {
      what: 'the Home to reconnect',
      limitMs: 40_000,
    });
    await second.waitForLine(/^Home Relay \S+ connected \(1 services\)$/, 20_000);
    assert.equal(first.stdout[0], second.stdout[0], 'the Main keeps its id');
  });
});

describe('task 2.1: the node type is detected', () => {
  onMachine('test 1: ./relay -server', async (on) => {
    await on.relay('-server').waitForLine(/^Starting as Main Relay with auto-generated node ID/, 20_000);
  });

  onMachine('test 2: ./relay blog.rl -connect ws://relay.com:8080', async (on) => {
    const home = on.relay('blog.rl -connect ws://relay.com:8080');
    await home.waitForLine(/^Starting as Home Relay with auto-generated node ID/, 20_000);
  });

  onMachine('test 3: ./relay -server -node-type home', async (on) => {
    const refused = on.relay('-server -node-type home');
    assert.deepEqual(await refused.exited, { code: 2, signal: null });
    assert.equal(refused.stderr[0], 'Error: incompatible flags: -server and -node-type home');
  });

  onMachine('test 4: ./relay -server -node-id custom.relay.com', async (on) => {
    await on
      .relay('-server -node-id custom.relay.com')
      .waitForLine(/^Starting as Main Relay with node ID custom\.relay\.com$/, 20_000);
  });
});

/** The plan's set-up of tasks 2.2 and 2.3: two Mains, alice with the blog, bob with the shop. */
async function setUp(on: Machine): Promise<void> {
  const mains = [
    on.relay('-server -node-type main -node-id relay-a.com -port 8080'),
    on.relay('-server -node-type main -node-id relay-b.com -port 8081 -peers ws://relay-a.com:8080'),
  ];
  await Promise.all(mains.map((main) => on.ready(main)));
}

async function startHomes(on: Machine, lines: readonly string[]): Promise<void> {
  await Promise.all(lines.map((line) => on.ready(on.relay(line))));
}

function listed(entries: Json): readonly string[] {
  return (entries as { service_name: string; address: string }[]).map(
    ({ service_name, address }) => `${service_name} ${address}`,
  );
}

describe('task 2.2: the federation service registry', () => {
  onMachine('tests 1, 2 and 3: local, federated and propagated services', async (on) => {
    await setUp(on);
    await startHomes(on, [
      'blog.rl -node-type home -node-id alice.home -connect ws://relay-a.com:8080',
      'shop.rl -node-type home -node-id bob.home -connect ws://relay-b.com:8081',
    ]);
    await waitFor(
      async () => (await on.curl('http://relay-a.com:8080/federation/registry')).total_services === 2,
      {
        what: 'both services at relay-a.com',
        limitMs: 15_000,
      },
    );
    const registry = await on.curl('http://relay-a.com:8080/registry');
    assert.deepEqual(
      [
        registry.servers.blog_service.node_id,
        registry.servers.blog_service.is_local,
        registry.servers.shop_service.is_local,
      ],
      ['alice.home', true, false],
    );
    const atA = await on.curl('http://relay-a.com:8080/federation/registry');
    assert.deepEqual(listed(atA.local), ['blog_service alice.home@relay-a.com']);
    assert.deepEqual(listed(atA.federated), ['shop_service bob.home@relay-b.com']);
    const atB = await on.curl('http://relay-b.com:8081/federation/registry');
    assert.deepEqual(listed(atB.local), ['shop_service bob.home@relay-b.com']);
    assert.deepEqual(listed(atB.federated), ['blog_service alice.home@relay-a.com']);
  });
});

describe('task 2.3: hub-and-spoke routing', () => {
  onMachine('tests 1, 2 and 3: two hops, three hops, and an unknown node', async (on) => {
    await setUp(on);
    await startHomes(on, [
      'blog.rl -node-type home -node-id alice.home -connect ws://relay-a.com:8080',
      'shop.rl -node-type home -node-id bob.home -connect ws://relay-a.com:8080',
      'news.rl -node-type home -node-id charlie.home -connect ws://relay-b.com:8081',
    ]);
    await waitFor(
      async () => (await on.curl('http://relay-a.com:8080/federation/registry')).total_services === 3,
      {
        what: 'three services at relay-a.com',
        limitMs: 15_000,
      },
    );
    const products = { node_id: 'bob.home@relay-a.com', server_name: 'shop_service', method: 'get_products' };
    const plain = await on.remoteCall('relay-a.com:8080', products);
    assert.ok(Array.isArray(plain.result) && plain.result.length > 0, JSON.stringify(plain));
    const near = await on.remoteCall('relay-a.com:8080', { ...products, trace: true });
    assert.deepEqual(near.result.trace.path, ['client', 'relay-a.com', 'bob.home']);
    assert.deepEqual([near.result.trace.hops, near.result.result], [2, plain.result]);

    const headlines = {
      node_id: 'charlie.home@relay-b.com',
      server_name: 'news_service',
      method: 'get_headlines',
    };
    const far = await on.remoteCall('relay-a.com:8080', { ...headlines, trace: true });
    assert.deepEqual(far.result.trace.path, ['client', 'relay-a.com', 'relay-b.com', 'charlie.home']);
    assert.equal(far.result.trace.hops, 3);
    assert.ok(Array.isArray(far.result.result) && far.result.result.length > 0);

    const startedAt = performance.now();
    const unknown = await on.remoteCall('relay-a.com:8080', {
      node_id: 'nonexistent.home',
      server_name: 'fake_service',
      method: 'test',
    });
    assert.ok(performance.now() - startedAt < 5_000, 'at once, not after the time-out of 60 s');
    assert.equal(unknown.error.code, -32001);
    assert.match(unknown.error.message, /^Service not found/);
    assert.deepEqual(
      [unknown.error.data.code, unknown.error.data.executed, unknown.error.data.at],
      ['node_not_found', 'no', 'relay-a.com'],
    );
  });
});

/** A program whose one method always ends in a run-time error, and says each time that it ran. */
const FAILING = `server shop_service {
  state { runs: number = 0 }
  receive fn get_products() {
    print("ran")
    nil.products
  }
  receive fn count() { state.runs }
}
`;

describe('tasks 3.2 and 3.3: instances are balanced, and left alone when they fail', () => {
  onMachine('task 3.2 tests 1 and 2: calls alternate, and go on when one instance stops', async (on) => {
    await on.ready(on.relay('-server -node-type main -node-id relay-a.com'));
    const alice1 = on.relay('blog1.rl -node-type home -node-id alice1.home -connect ws://relay-a.com:8080');
    await on.ready(alice1);
    await startHomes(on, ['blog2.rl -node-type home -node-id alice2.home -connect ws://relay-a.com:8080']);
    const registry = () => on.curl('http://relay-a.com:8080/federation/registry');
    await waitFor(async () => (await registry()).total_services === 2, {
      what: 'both instances',
      limitMs: 15_000,
    });
    const call = () =>
      on.remoteCall('relay-a.com:8080', {
        service_name: 'blog_service',
        method: 'get_posts',
        trace: true,
      });
    const count = new Map<string, number>();
    for (let calls = 0; calls < 10; calls += 1) {
      const { result } = await call();
      const home = String(result.trace.path.at(-1));
      count.set(home, (count.get(home) ?? 0) + 1);
    }
    assert.deepEqual([...count].toSorted(), [
      ['alice1.home', 5],
      ['alice2.home', 5],
    ]);

    const { local } = await registry();
    assert.deepEqual(
      local.map((entry: Json) => [entry.load_balancing, entry.circuit, entry.load_metrics.calls]),
      [
        ['round_robin', 'closed', 5],
        ['round_robin', 'closed', 5],
      ],
    );
    assert.ok(local.every((entry: Json) => entry.load_metrics.average_latency_ms > 0));

    alice1.kill('SIGKILL');
    for (let calls = 0; calls < 10; calls += 1) {
      const { result, error } = await call();
      assert.equal(error, undefined);
      // The first may still have been on the way to the Home that stopped.
      if (calls > 0) assert.equal(result.trace.path.at(-1), 'alice2.home');
    }
  });

  onMachine('task 3.3 test 2: five run-time errors, then the circuit is open', async (on) => {
    const main = on.relay('-server -node-type main -node-id relay-a.com');
    await on.ready(main);
    const program = on.write('failing.rl', FAILING);
    const home = on.relay(`${program} -node-type home -node-id bob.home -connect ws://relay-a.com:8080`);
    await on.ready(home);
    const answers: Json[] = [];
    for (let calls = 0; calls < 10; calls += 1) {
      answers.push(
        await on.remoteCall('relay-a.com:8080', { service_name: 'shop_service', method: 'get_products' }),
      );
    }
    assert.deepEqual(
      answers.map(({ error }) => error.code),
      [-32603, -32603, -32603, -32603, -32603, -32007, -32007, -32007, -32007, -32007],
    );
    assert.equal(home.stdout.filter((line) => line === 'ran').length, 5, 'an open circuit runs nothing');
    const { data } = answers.at(-1).error;
    assert.deepEqual([data.code, data.executed, data.at], ['circuit_open', 'no', 'relay-a.com']);
    assert.ok(data.retry_after_ms > 20_000 && data.retry_after_ms <= 30_000, String(data.retry_after_ms));

    const other = await on.remoteCall('relay-a.com:8080', { service_name: 'shop_service', method: 'count' });
    assert.equal(other.result, 0, 'other methods are not blocked');
    const health = await on.curl('http://relay-a.com:8080/federation/health');
    assert.deepEqual([health.open_circuits, health.failed_services, health.status], [1, 1, 'degraded']);
    const listed = on.relay('circuits --main relay-a.com:8080');
    assert.deepEqual(await listed.exited, { code: 0, signal: null });
    assert.match(listed.stdout.join('\n'), /shop_service +bob\.home@relay-a\.com +get_products +open +\d+ s/);
    const reset = on.relay('circuits reset --service shop_service --main relay-a.com:8080');
    assert.deepEqual(await reset.exited, { code: 0, signal: null });
    assert.deepEqual(reset.stdout, ['1 circuit closed']);
    const again = await on.remoteCall('relay-a.com:8080', {
      node_id: 'bob.home@relay-a.com',
      server_name: 'shop_service',
      method: 'get_products',
    });
    assert.equal(again.error.code, -32603, 'after the reset it is asked again');
  });
});

describe('task 3.1: peers are discovered, watched and replaced', () => {
  onMachine(
    'tests 1, 2 and 3: both peers dialled, their health shown, calls go on over the other',
    async (on) => {
      const main = on.relay(
        '-server -node-type main -node-id relay-a.com -peers ws://relay-b.com:8081,ws://relay-c.com:8082',
      );
      await main.waitForLine(
        /^Failed to connect to peer ws:\/\/relay-b\.com:8081\/ws\/peers: connection/,
        20_000,
      );
      await main.waitForLine(
        /^Failed to connect to peer ws:\/\/relay-c\.com:8082\/ws\/peers: connection/,
        20_000,
      );
      const down = await on.curl('http://relay-a.com:8080/federation/peers');
      assert.deepEqual(
        down.peers.map((peer: Json) => [peer.id, peer.url, peer.is_healthy, peer.last_error]),
        [
          [null, 'ws://relay-b.com:8081/ws/peers', false, 'connection refused'],
          [null, 'ws://relay-c.com:8082/ws/peers', false, 'connection refused'],
        ],
      );
      assert.equal((await on.curl('http://relay-a.com:8080/federation/health')).status, 'degraded');

      const b = on.relay('-server -node-type main -node-id relay-b.com -port 8081');
      await on.ready(b);
      await on.ready(on.relay('-server -node-type main -node-id relay-c.com -port 8082'));
      const homes = [
        on.relay('blog1.rl -node-type home -node-id alice1.home -connect ws://relay-b.com:8081'),
        on.relay('blog2.rl -node-type home -node-id alice2.home -connect ws://relay-c.com:8082'),
      ];
      await Promise.all(homes.map((home) => on.ready(home)));
      const health = async () => on.curl('http://relay-a.com:8080/federation/health');
      await waitFor(
        async () => {
          const { status, total_services } = await health();
          return status === 'healthy' && total_services === 2;
        },
        { what: 'both peers and both instances', limitMs: 40_000 },
      );
      const up = await on.curl('http://relay-a.com:8080/federation/peers');
      assert.deepEqual(
        up.peers.map((peer: Json) => [peer.id, peer.state, peer.is_healthy, peer.services, peer.source]),
        [
          ['relay-b.com', 'connected', true, 1, 'flag'],
          ['relay-c.com', 'connected', true, 1, 'flag'],
        ],
      );
      const titles = async (): Promise<string> => {
        const answer = await on.remoteCall('relay-a.com:8080', {
          service_name: 'blog_service',
          method: 'get_posts',
        });
        assert.ok(
          Array.isArray(answer.result),
          `an answer, also while a peer fails: ${JSON.stringify(answer)}`,
        );
        return String(answer.result[0].title);
      };
      const before = new Set<string>();
      for (let call = 0; call < 4; call += 1) before.add(await titles());
      assert.equal(before.size, 2, 'both peers are used');

      b.kill('SIGKILL');
      const after = new Set<string>();
      for (let call = 0; call < 10; call += 1) after.add(await titles());
      await waitFor(async () => (await health()).status === 'degraded', {
        what: 'the loss to show',
        limitMs: 10_000,
      });
      for (let call = 0; call < 4; call += 1) after.add(await titles());
      const last = await titles();
      assert.ok(before.has(last) && [...after].at(-1) === last, 'only the peer that is left answers');
    },
  );
});
