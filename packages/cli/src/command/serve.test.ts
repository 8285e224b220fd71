// Nodes as processes: what they print and in which order, what they share and refuse to share, and how they end.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { holdPort } from '@relay/federation';
import { freePort, type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { holdNodeFolder } from '../data-directory.ts';
import { runInProcess } from '../testing.ts';
import { VERSION } from '../version.ts';

const ENTRY = fileURLToPath(new URL('../main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const root = mkdtempSync(path.join(os.tmpdir(), 'relay-serve-'));
after(() => rmSync(root, { recursive: true, force: true }));

let next = 0;
function relay(line: string, more: { dataDir?: string; env?: Record<string, string> } = {}): StartedProcess {
  next += 1;
  const dataDir = more.dataDir ?? path.join(root, String(next));
  return startProcess(process.execPath, ['--conditions=relay-source', ENTRY, ...line.split(' ')], {
    cwd: root,
    env: { RELAY_HOME: ROOT, RELAY_DATA_DIR: dataDir, ...more.env },
  });
}

async function mainRelay(line = '-server -port 0'): Promise<{ node: StartedProcess; port: string }> {
  const node = relay(line);
  const [, port = ''] = await node.waitForLine(/^JSON-RPC: http:\/\/127\.0\.0\.1:(\d+)\/rpc$/);
  await node.waitForLine(/^Press Ctrl\+C to stop$/);
  return { node, port };
}

describe('a server node', () => {
  it('prints its role, its router, its addresses and how to stop it, in this order', async () => {
    await using node = relay('-server -node-type main -node-id custom.relay.com -port 0');
    const [, port] = await node.waitForLine(/^JSON-RPC: http:\/\/127\.0\.0\.1:(\d+)\/rpc$/);
    await node.waitForLine(/^Press Ctrl\+C to stop$/);
    const url = `127.0.0.1:${port}`;
    assert.deepEqual(node.stdout, [
      'Starting as Main Relay with node ID custom.relay.com',
      'FederationRouter initialized as Main Relay',
      `JSON-RPC: http://${url}/rpc`,
      `Health: http://${url}/health`,
      `Info: http://${url}/info`,
      `Registry: http://${url}/registry`,
      `WebSocket P2P: ws://${url}/ws/p2p`,
      `Federation: ws://${url}/ws/federation`,
      `Peers: ws://${url}/ws/peers`,
      'Press Ctrl+C to stop',
    ]);
    assert.deepEqual(node.stderr, []);
    assert.equal((await node.stop()).code, 0);
    assert.deepEqual(node.stdout.slice(-2), ['Shutting down: 0 calls in flight', 'Stopped']);
  });

  it('keeps its generated id over a restart, and a second one gets its own', async () => {
    const dataDir = path.join(root, 'kept');
    const start = async (): Promise<{ node: StartedProcess; id: string }> => {
      const node = relay('-server -port 0', { dataDir });
      const [, id = ''] = await node.waitForLine(
        /^Starting as Main Relay with auto-generated node ID (main-[0-9a-f]{16})$/,
      );
      await node.waitForLine(/^Press/);
      return { node, id };
    };
    const first = await start();
    const twin = await start();
    assert.notEqual(twin.id, first.id);
    await first.node.stop();
    const again = await start();
    assert.equal(again.id, first.id);
    await Promise.all([twin.node.stop(), again.node.stop()]);
  });

  it('refuses an id that runs here already', async () => {
    const dataDir = path.join(root, 'twice');
    await using node = relay('-server -port 0 -node-id a', { dataDir });
    await node.waitForLine(/^Press/);
    await using second = relay('-server -port 0 -node-id a', { dataDir });
    assert.equal((await second.exited).code, 1);
    assert.deepEqual(second.stderr, [`Error: node a is already running here (pid ${node.pid})`]);
  });

  it('waits for a busy port, then says what to do', async () => {
    const { node, port } = await mainRelay();
    await using _node = node;
    const begunAt = performance.now();
    await using second = relay(`-server -port ${port}`);
    assert.equal((await second.exited).code, 1);
    assert.ok(performance.now() - begunAt >= 5_000, 'it has waited 5 s');
    assert.deepEqual(second.stderr, [
      `waiting for 127.0.0.1:${port} to become free`,
      `Error: cannot listen on 127.0.0.1:${port}: address already in use (try -port ${Number(port) + 1})`,
    ]);
  });

  it('takes over port and id of one that is just stopping', async () => {
    const dataDir = path.join(root, 'over');
    const port = await freePort();
    const line = `-server -node-id a -port ${port}`;
    await using first = relay(line, { dataDir });
    await first.waitForLine(/^Press/);
    await using second = relay(line, { dataDir });
    await second.waitForLine(/^waiting for/);
    first.kill('SIGTERM');
    await second.waitForLine(/^Press/);
  });

  it("binds its port before it takes its folder: one that waits for a port stands in nobody's way", async () => {
    const dataDir = path.join(root, 'port-first');
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    await using waiting = relay(`-server -node-id a -port ${port}`, { dataDir });
    await waiting.waitForLine(/^waiting for/);
    await using other = relay('-server -node-id a -port 0', { dataDir });
    await other.waitForLine(/^Press/);
    await new Promise((resolve) => blocker.close(resolve));
    // Now it has the port, and waits for the folder as long as a node that is stopping may need.
    assert.equal((await waiting.exited).code, 1);
    assert.equal(waiting.stderr.at(-1), `Error: node a is already running here (pid ${other.pid})`);
  });

  it('gives its folder back before its port: whoever gets the port gets the folder', async () => {
    const dataDir = path.join(root, 'folder-first');
    const port = await freePort();
    const env = { RELAY_DRAIN_SECONDS: '0' };
    await using node = relay(`-server -node-id a -port ${port}`, { dataDir, env });
    await node.waitForLine(/^Press/);
    await using home = relay(`-connect 127.0.0.1:${port}`);
    await node.waitForLine(/^Home Relay .* connected/);
    // A Home that hears nothing does not close its link, so the HTTP server has 5 s to close after it has given up its port.
    home.kill('SIGSTOP');
    node.kill('SIGTERM');
    await waitFor(
      async () => {
        const held = await holdPort({ host: '127.0.0.1', port }).catch(() => undefined);
        await held?.release();
        return held !== undefined;
      },
      { limitMs: 30_000, what: 'the port' },
    );
    assert.ok(!node.stdout.includes('Stopped'), 'the process is still there');
    holdNodeFolder(path.join(dataDir, 'a'), 'a')[Symbol.dispose]();
    home.kill('SIGCONT');
    assert.equal((await node.exited).code, 0);
  });

  it('stops for SIGINT and SIGHUP too, with exit code 0', async () => {
    for (const signal of ['SIGINT', 'SIGHUP'] as const) {
      const { node } = await mainRelay();
      node.kill(signal);
      assert.equal((await node.exited).code, 0);
    }
  });

  it('ends at once when asked twice while it drains', async () => {
    for (const [signal, exitCode] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const { node, port } = await mainRelay();
      await using home = relay(`-connect 127.0.0.1:${port}`);
      await node.waitForLine(/^Home Relay .* connected/);
      // A Home that hears nothing does not leave, so the Main waits for it.
      home.kill('SIGSTOP');
      node.kill(signal);
      await node.waitForLine(/^Shutting down:/);
      node.kill(signal);
      assert.equal((await node.exited).code, exitCode);
      home.kill('SIGCONT');
    }
  });

  it('ends when the process that started it is gone', async () => {
    // The helper closes stdin at once: that is what a killed parent looks like.
    await using node = relay('-server -port 0', { env: { RELAY_PARENT_PIPE: '1' } });
    assert.equal((await node.exited).code, 0);
  });

  it('writes one JSON object per line if asked to', async () => {
    await using node = relay('-server -port 0', { env: { RELAY_LOG_FORMAT: 'json' } });
    await node.waitForLine(/Press Ctrl\+C to stop/);
    assert.match(JSON.parse(node.stdout[0] ?? '').msg, /^Starting as Main Relay/);
  });

  it('says in JSON which lines are warnings, and which node it is', async () => {
    await using node = relay('-server -port 0 -host 0.0.0.0 -node-id relay.com', {
      env: { RELAY_LOG_FORMAT: 'json' },
    });
    await node.waitForLine(/Press Ctrl\+C to stop/);
    const lines = node.stdout.map((line) => JSON.parse(line) as { level: string; node: string; msg: string });
    assert.ok(lines.every(({ node: id }) => id === 'relay.com'));
    assert.deepEqual(
      lines.filter(({ level }) => level !== 'info').map(({ level, msg }) => `${level} ${msg.split(':')[0]}`),
      ['warn warning', 'warn warning'],
    );
    assert.equal(lines.filter(({ msg }) => msg.startsWith('warning: ')).length, 2);
  });

  it('says where the data directory cannot be written', async () => {
    await using node = relay('-server -port 0', { dataDir: '/dev/null/x' });
    assert.equal((await node.exited).code, 1);
    assert.deepEqual(node.stderr, [
      'Error: cannot write to /dev/null/x: not a directory (set RELAY_DATA_DIR)',
    ]);
  });
});

describe('a Home without a program', () => {
  it('warns, connects by a name from RELAY_RESOLVE, and comes back after its Main was killed', async () => {
    const port = await freePort();
    const line = `-server -node-id relay.com -port ${port}`;
    const dataDir = path.join(root, 'main');
    const main = relay(line, { dataDir });
    await main.waitForLine(/^Press/);
    await using home = relay(`-node-type home -node-id alice.home -connect ws://relay.com:${port}`, {
      env: { RELAY_RESOLVE: 'relay.com=127.0.0.1' },
    });
    const url = `ws://relay.com:${port}/ws/federation`;
    await home.waitForLine(new RegExp(`^Connected to Main Relay relay\\.com \\(${url}\\)$`));
    assert.deepEqual(
      home.stdout.filter((text) => !/^(?:JSON-RPC|Health|Info):/.test(text)),
      [
        'Starting as Home Relay with node ID alice.home',
        'FederationRouter initialized as Home Relay',
        'warning: no program given: this Home offers no services',
        'Press Ctrl+C to stop',
        `Connecting to Main Relay ${url}`,
        `Connected to Main Relay relay.com (${url})`,
      ],
    );
    await main.waitForLine(/^Home Relay alice\.home connected \(0 services\)$/);
    main.kill('SIGKILL');
    await main.exited;
    await home.waitForLine(/^Lost connection to Main Relay relay\.com: .+; retry 1 in \d+\.\d s$/);
    await using again = relay(line, { dataDir });
    await again.waitForLine(/^Home Relay alice\.home connected/, 20_000);
  });

  it('keeps trying an unreachable Main and says so once', async () => {
    const port = await freePort();
    await using home = relay(`-connect ws://127.0.0.1:${port}`);
    await home.waitForLine(/^Starting as Home Relay with auto-generated node ID home-[0-9a-f]{16}$/);
    await home.waitForLine(
      /^Failed to connect to Main Relay ws:.*: connection refused; retry \d+ in \d+\.\d s$/,
    );
    assert.equal((await home.stop()).code, 0);
  });
});

describe('a node with a program', () => {
  it('prints what the program prints before its addresses, and offers its servers', async () => {
    const { node, port } = await mainRelay('-server -port 0 -node-id relay.com');
    await using _main = node;
    await using home = relay(`counter.rl -node-id alice.home -connect 127.0.0.1:${port}`);
    await home.waitForLine(/^Connected to Main Relay relay\.com/);
    await node.waitForLine(/^Home Relay alice\.home connected \(1 services\)$/);
    const program = path.join(ROOT, 'examples', 'counter.rl');
    assert.deepEqual(home.stdout.slice(0, 6), [
      'Starting as Home Relay with node ID alice.home',
      'FederationRouter initialized as Home Relay',
      `Program: ${program}`,
      'second step: 10',
      'refused: the step must be positive',
      'counted never',
    ]);
    const calls: unknown[] = [];
    for (const by of [5, 2]) {
      const { out } = await runInProcess([
        'call',
        'counter.increment',
        `{"by":${by}}`,
        '--main',
        `127.0.0.1:${port}`,
      ]);
      calls.push(JSON.parse(out));
    }
    assert.deepEqual(calls, [5, 7]);
    assert.equal((await home.stop()).code, 0);
    await node.waitForLine(/^Home Relay alice\.home disconnected$/);
  });

  it('shares calls between two instances of a service', async () => {
    const { node, port } = await mainRelay();
    await using _main = node;
    await using one = relay(`blog1.rl -node-type home -node-id alice1.home -connect 127.0.0.1:${port}`);
    await using two = relay(`blog2.rl -node-type home -node-id alice2.home -connect 127.0.0.1:${port}`);
    await one.waitForLine(/^Connected/);
    await two.waitForLine(/^Connected/);
    await node.waitForLine(/^Home Relay alice1\.home connected/);
    await node.waitForLine(/^Home Relay alice2\.home connected/);
    const titles = new Map<string, number>();
    for (let index = 0; index < 10; index += 1) {
      const { out } = await runInProcess(['call', 'blog_service.get_posts', '--main', `127.0.0.1:${port}`]);
      const [{ title }] = JSON.parse(out);
      titles.set(title, (titles.get(title) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries(titles), { 'From instance 1': 5, 'From instance 2': 5 });
  });

  it('does not start when the program fails', async () => {
    for (const [text, message] of [
      ['set = 1\n', /^Error: parse error: broken\.rl:1:\d+: /],
      ['1 / 0\n', /^Error: broken\.rl:1:\d+: runtime error: division by zero/],
    ] as const) {
      const file = path.join(root, 'broken.rl');
      writeFileSync(file, text);
      await using node = relay(`${file} -server -port 0`);
      assert.equal((await node.exited).code, 1);
      assert.match(node.stderr[0] ?? '', message);
      assert.doesNotMatch(node.stdout.join('\n'), /JSON-RPC/);
    }
  });

  it('does not start with a name that it cannot offer, which a run alone may have', async () => {
    const file = path.join(root, 'long.rl');
    const name = 'a'.repeat(65);
    writeFileSync(file, `server ${name} {\n  receive fn ${name}() { 1 }\n}\nprint("ran")\n`);
    const limit = 'a service or method has at most 64';
    const problems = [
      `long.rl:1:8: the name of this server has 65 characters; ${limit}`,
      `long.rl:2:14: the name of this receive function has 65 characters; ${limit}`,
    ];
    for (const line of [`${file} -server -port 0`, `${file} -connect 127.0.0.1:1`]) {
      await using node = relay(line);
      assert.equal((await node.exited).code, 1);
      assert.deepEqual(
        node.stderr,
        problems.map((problem) => `Error: ${problem}`),
      );
      assert.doesNotMatch(node.stdout.join('\n'), /JSON-RPC/);
    }
    for (const args of [
      ['check', file],
      ['-build', file],
    ]) {
      const { code, out, err } = await runInProcess(args);
      assert.equal(code, 1);
      const text = (out + err).replaceAll(': error: ', ': ');
      for (const problem of problems) assert.ok(text.includes(problem), text);
    }
    const ran = await runInProcess([file]);
    assert.equal(ran.code, 0);
    assert.match(ran.out, /^ran$/m);
  });

  it('takes the Main Relay of a Home from the config block', async () => {
    const file = path.join(root, 'configured.rl');
    writeFileSync(file, 'config { relay: "127.0.0.1:1", node_id: "carol.home" }\n');
    await using node = relay(`home ${file}`);
    await node.waitForLine(
      /^Failed to connect to Main Relay ws:\/\/127\.0\.0\.1:1\/ws\/federation: connection refused/,
    );
    assert.equal(node.stdout[0], 'Starting as Home Relay with node ID carol.home');
  });
});

describe('the launcher', () => {
  it('works from another directory and through a symbolic link', async () => {
    const link = path.join(root, 'linked');
    const { symlinkSync } = await import('node:fs');
    symlinkSync(path.join(ROOT, 'relay'), link);
    for (const command of [path.join(ROOT, 'relay'), link]) {
      await using run = startProcess(command, ['-version'], { cwd: root });
      assert.equal((await run.exited).code, 0);
      assert.deepEqual(run.stdout, [`Relay v${VERSION}`]);
    }
  });
});
