import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { type ConnectionState, connect, RelayError, type WebSocketConstructor } from '@relay/client';
import { createLog, holdPort, type RelayNode, startRelay, systemClock } from '@relay/federation';
import { ApplicationError, defineService } from '@relay/host';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import { federationUrl } from '../packages/client/src/options.ts';

const root = mkdtempSync(path.join(tmpdir(), 'relay-client-'));
after(() => rmSync(root, { recursive: true, force: true }));
const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

let runs = 0;
let release: (() => void) | undefined;
const testing = defineService('testing', {
  echo: { params: { value: 'any' }, effect: 'pure', run: (_context, value) => value ?? null },
  sum: { params: { a: 'number', b: 'number' }, run: (_context, a, b) => Number(a) + Number(b) },
  refuse: () => {
    throw new ApplicationError({ error: 'not today', day: 1 });
  },
  count: () => {
    runs += 1;
    return runs;
  },
  wait: () =>
    new Promise<string>((resolve) => {
      release = () => resolve('released');
    }),
});

/** A Main with an own program, over a real socket. */
async function startMain(options: { port?: number; apiToken?: string } = {}): Promise<RelayNode> {
  const node = await startRelay({
    nodeType: 'main',
    nodeId: 'relay-a.com',
    version: 'test',
    port: await holdPort({ host: '127.0.0.1', port: options.port ?? 0 }),
    folder: path.join(root, 'main'),
    services: [testing],
    drainMs: 0,
    log: createLog({
      level: 'error',
      format: 'text',
      write: (line) => process.stderr.write(line),
      clock: systemClock,
    }),
    events: { emit: () => {} },
    ...(options.apiToken === undefined ? {} : { http: { apiToken: options.apiToken } }),
  });
  testing.connect({ clock: systemClock, nodeId: () => node.nodeId, outbound: node.outbound });
  open.push(node);
  return node;
}

function client(url: string, options: Parameters<typeof connect>[1] = {}) {
  const states: ConnectionState[] = [];
  const connected = connect(url, { ...options, onState: (state) => states.push(state) });
  open.push({ stop: () => connected.close() });
  return Object.assign(connected, { states });
}

function failed(name: string, executed: string) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof RelayError, String(error));
    assert.deepEqual([error.code, error.executed], [name, executed], error.message);
    return true;
  };
}

for (const [runtime, webSocket] of [
  ['the WebSocket of the runtime', undefined],
  ['the WebSocket of the package ws', WebSocket as unknown as WebSocketConstructor],
] as const) {
  describe(`a client with ${runtime}`, () => {
    const options = webSocket === undefined ? {} : { webSocket };

    it('calls by position, by name, with one argument and with none', async () => {
      const relay = client((await startMain()).url, options);
      assert.equal(await relay.call('testing', 'sum', [2, 3]), 5);
      assert.equal(await relay.call('testing', 'sum', { b: 4, a: 5 }), 9);
      assert.equal(await relay.call('testing', 'echo', 'one'), 'one');
      assert.equal(await relay.call('testing', 'echo'), null);
      assert.deepEqual(await relay.call('testing', 'echo', [{ 'ключ "': ['é', 1.5, null] }]), {
        'ключ "': ['é', 1.5, null],
      });
    });

    it('runs a method once for one idempotency key', async () => {
      const relay = client((await startMain()).url, options);
      const keyed = { idempotencyKey: `key ${runtime}` };
      const before = runs;
      assert.equal(await relay.call('testing', 'count', ['a'], keyed), before + 1);
      assert.equal(await relay.call('testing', 'count', ['a'], keyed), before + 1);
      await assert.rejects(
        relay.call('testing', 'count', ['b'], keyed),
        failed('idempotency_conflict', 'no'),
      );
      assert.equal(await relay.call('testing', 'count', ['a']), before + 2);
    });

    it('carries big bodies both ways beside small calls', async () => {
      const relay = client((await startMain()).url, options);
      const big = 'x'.repeat(3_000_000);
      const [answer, ...small] = await Promise.all([
        relay.call('testing', 'echo', [big]),
        ...Array.from({ length: 20 }, (_, index) => relay.call('testing', 'sum', [index, 1])),
      ]);
      assert.equal(answer, big);
      assert.deepEqual(
        small,
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
    });
  });
}

describe('a call fails', () => {
  it('with what the method threw', async () => {
    const relay = client((await startMain()).url);
    await assert.rejects(relay.call('testing', 'refuse'), (error) => {
      assert.ok(error instanceof RelayError);
      assert.deepEqual(
        [error.code, error.executed, error.failure.data?.value],
        ['application_error', 'yes', { error: 'not today', day: 1 }],
      );
      return true;
    });
  });

  it('for an unknown service, node and method, at once', async () => {
    const relay = client((await startMain()).url);
    await assert.rejects(relay.call('nothing', 'at_all'), failed('service_not_found', 'no'));
    await assert.rejects(
      relay.call('testing', 'echo', [], { node: 'nobody' }),
      failed('node_not_found', 'no'),
    );
    await assert.rejects(relay.call('testing', 'nothing'), failed('method_not_found', 'no'));
  });

  it('at its time-out, and says that nobody can tell', async () => {
    const relay = client((await startMain()).url);
    await relay.call('testing', 'echo');
    await assert.rejects(relay.call('testing', 'wait', [], { timeoutMs: 50 }), failed('timeout', 'unknown'));
    release?.();
  });

  it('when the connection is lost under it', async () => {
    const main = await startMain();
    const relay = client(main.url);
    const waiting = relay.call('testing', 'wait');
    waiting.catch(() => {});
    await waitFor(() => main.inFlight === 1, { what: 'the call to arrive' });
    relay.close();
    await assert.rejects(waiting, failed('peer_unreachable', 'unknown'));
    release?.();
  });

  it('when nobody listens, after its time-out, and then it certainly did not run', async () => {
    const port = await holdPort({ host: '127.0.0.1', port: 0 });
    await port.release();
    const relay = client(`127.0.0.1:${port.port}`);
    await assert.rejects(
      relay.call('testing', 'count', [], { timeoutMs: 100 }),
      failed('peer_unreachable', 'no'),
    );
  });

  it('when it is aborted, with the reason of the signal, and the method is told', async () => {
    const main = await startMain();
    const relay = client(main.url);
    const abort = new AbortController();
    const waiting = relay.call('testing', 'wait', [], { signal: abort.signal });
    waiting.catch(() => {});
    await waitFor(() => main.inFlight === 1, { what: 'the call to arrive' });
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    await waitFor(() => main.inFlight === 0, { what: 'the Main to forget the call' });
    await assert.rejects(
      relay.call('testing', 'echo', [], { signal: AbortSignal.abort(new Error('before')) }),
      /before/,
    );
    release?.();
  });

  it('after close, at once', async () => {
    const relay = client((await startMain()).url);
    relay.close();
    await assert.rejects(relay.call('testing', 'count'), failed('peer_unreachable', 'no'));
  });
});

describe('the connection', () => {
  it('is opened again when the Main was away; calls made meanwhile wait', async () => {
    const first = await startMain();
    const relay = client(first.url, { maxRetryMs: 50 });
    assert.equal(await relay.call('testing', 'sum', [1, 1]), 2);
    assert.equal(relay.node, 'relay-a.com');
    const { port } = new URL(first.url);
    await first.stop();
    await waitFor(() => relay.node === undefined, { what: 'the loss to be seen' });
    const waiting = relay.call('testing', 'sum', [2, 2]);
    await startMain({ port: Number(port) });
    assert.equal(await waiting, 4);
    assert.deepEqual(
      relay.states.map(({ kind }) => kind).filter((kind, index, kinds) => kind !== kinds[index - 1]),
      ['connected', 'disconnected', 'connected'],
    );
  });

  it('needs the token where HTTP needs one', async () => {
    const { url } = await startMain({ apiToken: 'secret' });
    assert.equal(await client(url, { token: 'secret' }).call('testing', 'sum', [1, 2]), 3);
    const stranger = client(url, { token: 'guess' });
    await assert.rejects(stranger.call('testing', 'sum', [1, 2]), failed('peer_unreachable', 'no'));
    assert.equal(stranger.states.at(-1)?.kind, 'closed', 'it does not try again with the same token');
  });
});

describe('a service proxy', () => {
  it('has the methods of the service and is no promise', async () => {
    const relay = client((await startMain()).url);
    const proxy = relay.service<{ sum(a: number, b: number): number }>('testing');
    assert.equal(await proxy.sum(20, 22), 42);
    assert.equal((await proxy) === proxy, true);
    assert.equal(proxy.sum, proxy.sum);
  });
});

describe('addresses and options', () => {
  for (const [text, url] of [
    ['ws://h:8080', 'ws://h:8080/ws/federation'],
    ['http://h:8080/', 'ws://h:8080/ws/federation'],
    ['https://h', 'wss://h/ws/federation'],
    ['h:9000', 'ws://h:9000/ws/federation'],
    ['h', 'ws://h:8080/ws/federation'],
    ['wss://h/x/y', 'wss://h/x/y'],
  ] as const) {
    it(`reads ${text} as ${url}`, () => assert.equal(federationUrl(text), url));
  }

  for (const text of ['ftp://h', 'ws://u@h', 'ws://h/?a=1', 'ws://', '']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => federationUrl(text), RangeError));
  }

  it('refuses an idempotency key that is none, before it calls', () => {
    for (const idempotencyKey of ['', 'ä', 'x'.repeat(129)]) {
      assert.throws(() => client('h').call('testing', 'count', [], { idempotencyKey }), RangeError);
    }
  });

  it('refuses a time-out that makes no sense', () => {
    assert.throws(() => connect('h', { timeoutMs: 0 }), RangeError);
    assert.throws(() => connect('h', { timeoutMs: Number.NaN }), RangeError);
  });
});
