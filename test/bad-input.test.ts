// What a person or a stranger gets wrong: each gives one clear answer and the right exit code, and harms nothing else.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { connect } from '@relay/client';
import { type StartedProcess, startProcess, waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';

const ROOT = path.resolve(import.meta.dirname, '..');
const folder = mkdtempSync(path.join(tmpdir(), 'relay-bad-input-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function relay(...args: string[]): StartedProcess {
  return startProcess(path.join(ROOT, 'relay'), args, {
    cwd: folder,
    env: { RELAY_DATA_DIR: path.join(folder, 'data') },
  });
}

async function failure(...args: string[]): Promise<{ code: number | null; lines: readonly string[] }> {
  const failed = relay(...args);
  const { code } = await failed.exited;
  return { code, lines: failed.stderr };
}

async function startMain(): Promise<StartedProcess & { url: string }> {
  const main = relay('-server', '-port', '0');
  const [, url = ''] = await main.waitForLine(/^Health: (\S+)\/health$/, 20_000);
  return Object.assign(main, { url });
}

describe('the command line', () => {
  it('names a file that does not exist', async () => {
    assert.deepEqual(await failure('nothing.rl'), {
      code: 1,
      lines: ['Error: file nothing.rl does not exist'],
    });
  });

  it('shows every error of a program, with its place', async () => {
    writeFileSync(
      path.join(folder, 'broken.rl'),
      'set x = 1a\nprint("fine")\nset = 4\nfn f() { k: 1 }\nx += 1\n',
    );
    for (const args of [['broken.rl'], ['broken.rl', '-server', '-port', '0']]) {
      const { code, lines } = await failure(...args);
      assert.equal(code, 1);
      assert.deepEqual(
        lines.map((line) => /^Error: parse error: broken\.rl:(\d+):\d+: \S/.exec(line)?.[1]),
        ['1', '3', '4', '5'],
        lines.join('\n'),
      );
    }
  });

  it('refuses a port that is none, and says which is', async () => {
    assert.deepEqual(await failure('-server', '-port', 'abc'), {
      code: 2,
      lines: [
        'Error: invalid value "abc" for flag -port: must be a number from 0 to 65535',
        "Run './relay -help' for all flags.",
      ],
    });
  });

  it('waits a while for a port in use, then says what to try', async () => {
    await using main = await startMain();
    const { port } = new URL(main.url);
    const second = relay('-server', '-port', port, '-node-id', 'second');
    assert.deepEqual(await second.exited, { code: 1, signal: null });
    assert.deepEqual(
      [...second.stdout, ...second.stderr].filter((line) => line.includes(port)),
      [
        `waiting for 127.0.0.1:${port} to become free`,
        `Error: cannot listen on 127.0.0.1:${port}: address already in use (try -port ${Number(port) + 1})`,
      ],
    );
  });

  it('says once that a Main cannot be reached, and keeps trying', async () => {
    await using home = relay('blog.rl', '-connect', 'ws://127.0.0.1:1');
    await home.waitForLine(/^Still trying to reach Main Relay/, 20_000);
    const told = home.stdout.filter((line) => line.startsWith('Failed to connect'));
    assert.match(
      told.join('\n'),
      /^Failed to connect to Main Relay ws:\/\/127\.0\.0\.1:1\/ws\/federation: connection refused; retry 1 in [\d.]+ s$/,
    );
    assert.equal((await home.stop()).code, 0, 'it was still running');
  });
});

describe('a stranger at a Main', () => {
  it('is cut off for a malformed frame, and nobody else is', async () => {
    await using main = await startMain();
    const url = main.url.replace('http', 'ws');
    using neighbour = connect(url, { webSocket: WebSocket as never });
    await assert.rejects(neighbour.call('nothing', 'yet'), /not known/);
    const session = neighbour.node;
    for (const [why, send] of [
      ['a text that is no message', '{"type":"hello"}'],
      ['bytes before the handshake', Buffer.from([0, 0, 0, 1])],
      ['too much', 'x'.repeat(5_000)],
    ] as const) {
      const socket = new WebSocket(`${url}/ws/federation`, ['relay.v1.bin']);
      const closed = new Promise<number>((resolve) => socket.once('close', resolve));
      socket.once('open', () => socket.send(send));
      assert.ok([4400, 1009].includes(await closed), `closed for ${why}`);
    }
    await assert.rejects(neighbour.call('nothing', 'yet'), /not known/);
    assert.equal(neighbour.node, session);
  });

  it('is cut off for a malformed frame after the handshake, too, by the name of the field', async () => {
    await using main = await startMain();
    const closes: { code: number; reason: string }[] = [];
    // A client whose codec is replaced by one bad frame.
    class Broken extends WebSocket {
      #sent = 0;
      override send(data: Parameters<WebSocket['send']>[0]): void {
        this.#sent += 1;
        super.send(this.#sent === 3 ? Buffer.from('0000001001ff00000001', 'hex') : data);
        if (this.#sent === 3)
          this.once('close', (code, reason) => closes.push({ code, reason: reason.toString() }));
      }
    }
    using broken = connect(main.url, { webSocket: Broken as never, maxRetryMs: 60_000 });
    broken.call('a', 'b', [], { timeoutMs: 5_000 }).catch(() => {});
    await waitFor(() => closes.length > 0, { what: 'the session to be closed' });
    const [close] = closes;
    assert.deepEqual([close?.code, close?.reason === ''], [4400, false], String(close?.reason));
    assert.equal((await fetch(`${main.url}/health`)).status, 200);
  });

  it('is told the limit when a body is too large', async () => {
    await using main = await startMain();
    const answer = await fetch(`${main.url}/rpc`, { method: 'POST', body: 'x'.repeat(262_145) });
    assert.equal(answer.status, 413);
    const { error } = (await answer.json()) as { error: { code: number; data: { limit: unknown } } };
    assert.deepEqual([error.code, error.data.limit], [-32010, { name: 'body', max: 262_144 }]);
  });

  it('gets an answer for what is not HTTP, and the port lives on', async () => {
    await using main = await startMain();
    const { port } = new URL(main.url);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connectSocket(Number(port), '127.0.0.1', () => socket.write('\0\x01nonsense\r\n\r\n'));
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString();
      });
      socket.once('close', () => resolve(received)).once('error', reject);
    });
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(`${main.url}/live`)).status, 200);
  });
});
