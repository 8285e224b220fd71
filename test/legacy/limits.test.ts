// The numbers of legacy-p2p.md §6 that only real sockets show, and row W21 over them, on a Main and in P2P mode.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import type { RelayNode } from '@relay/federation';
import { encodeUtf8 } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';
import { get, type Json, remoteCall, service, startNode, stopAll, wsOf } from './nodes.ts';

after(stopAll);

const MESSAGE_BYTES = 1_048_576;

class Client {
  readonly got: Json[] = [];
  readonly #socket: WebSocket;
  readonly #id: string;
  readonly #self: string;
  #closed: number | undefined;

  private constructor(socket: WebSocket, id: string, self: string) {
    this.#socket = socket;
    this.#id = id;
    this.#self = self;
    socket.on('message', (data) => this.got.push(JSON.parse(String(data))));
    socket.on('close', (code) => {
      this.#closed = code;
    });
    socket.on('error', () => {});
  }

  static async open(node: RelayNode, id: string): Promise<Client> {
    const socket = new WebSocket(wsOf(node, `/ws/p2p?node_id=${id}`));
    const client = new Client(socket, id, node.nodeId);
    await once(socket, 'open');
    return client;
  }

  say(text: string): void {
    this.#socket.send(text);
  }

  call(server: string, method: string, args: readonly unknown[], responseId: string): void {
    const data = { call: { args, method, server_name: server, timeout: 30 }, response_id: responseId };
    const head = { type: 'server_call', id: responseId, from: this.#id, to: this.#self };
    this.say(JSON.stringify({ ...head, data, route: [this.#id], ttl: 9 }));
  }

  calls(): number {
    return this.got.filter(({ type }) => type === 'server_call').length;
  }

  async answer(responseId: string): Promise<Json> {
    const isIt = ({ type, data }: Json): boolean =>
      type === 'server_response' && data.response_id === responseId;
    await waitFor(() => this.got.some(isIt), { what: `the answer ${responseId}` });
    return this.got.find(isIt).data;
  }

  async closeCode(): Promise<number | undefined> {
    await waitFor(() => this.#closed !== undefined, { what: 'the end of the link' });
    return this.#closed;
  }

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  cut(): void {
    this.#socket.terminate();
  }
}

/** A ping of exactly so many bytes. */
function ping(from: string, bytes: number): string {
  const text = (fill: string): string => JSON.stringify({ type: 'ping', from, to: '', data: { fill } });
  return text('x'.repeat(bytes - text('').length));
}

for (const kind of ['main', 'p2p'] as const) {
  describe(`the limits of a link (${kind})`, async () => {
    const base = service('limits', 'n1');
    const node = await startNode(kind, 'n1', {
      services: [
        {
          offer: {
            ...base.offer,
            methods: [...base.offer.methods, { name: 'huge', params: [], returns: 'any', effect: 'reads' }],
          },
          handle: (call, settle) => {
            if (call.method !== 'huge') return base.handle(call, settle);
            settle({ kind: 'result', body: encodeUtf8(JSON.stringify('y'.repeat(MESSAGE_BYTES))) });
            return () => {};
          },
        },
      ],
    });

    it('a message of 1 MiB is taken, a larger one closes the link with 1009', async () => {
      const client = await Client.open(node, 'c1');
      client.say(ping('c1', MESSAGE_BYTES));
      await waitFor(() => client.got.some(({ type }) => type === 'pong'), { what: 'a pong' });
      client.say(ping('c1', MESSAGE_BYTES + 1));
      assert.equal(await client.closeCode(), 1009);
      assert.equal((await fetch(`${node.url}/health`)).status, 200);
    });

    it('an answer above 1 MiB is a failure, and the link stays', async () => {
      const client = await Client.open(node, 'c2');
      client.call('limits', 'huge', [], 'r1');
      const { success, code } = await client.answer('r1');
      assert.deepEqual([success, code], [false, 'payload_too_large']);
      client.call('limits', 'where', [], 'r2');
      assert.deepEqual((await client.answer('r2')).result, 'n1');
      client.cut();
    });

    it('of 65 calls of one neighbour at once the last is overloaded', async () => {
      const client = await Client.open(node, 'c3');
      for (let count = 0; count < 65; count += 1) client.call('limits', 'never', [], `r${count}`);
      const { success, code } = await client.answer('r64');
      assert.deepEqual([success, code], [false, 'overloaded']);
      assert.equal(client.got.filter(({ type }) => type === 'server_response').length, 1);
      client.cut();
    });

    it('of 65 calls to one neighbour at once the last is overloaded', async () => {
      const client = await Client.open(node, 'c4');
      const params = { node_id: 'c4', server_name: 's', method: 'm', timeout: 20 };
      const calls = Array.from({ length: 64 }, () => remoteCall(node, params));
      await waitFor(() => client.calls() === 64, { what: '64 calls' });
      const { error } = await remoteCall(node, params);
      assert.deepEqual([error.data.code, error.data.executed], ['overloaded', 'no']);
      client.cut();
      await Promise.all(calls);
    });

    it('ten broken frames close the link with 1008', async () => {
      const client = await Client.open(node, 'c5');
      for (let count = 0; count < 9; count += 1) client.say('{');
      client.say(JSON.stringify({ type: 'ping', from: 'c5' }));
      await waitFor(() => client.got.some(({ type }) => type === 'pong'), { what: 'a pong' });
      client.say('[]');
      assert.equal(await client.closeCode(), 1008);
    });

    it('of five links with one id the oldest is closed with 1008', async () => {
      const clients = [await Client.open(node, 'c6')];
      while (clients.length < 5) clients.push(await Client.open(node, 'c6'));
      const [oldest, ...others] = clients;
      assert.equal(await oldest?.closeCode(), 1008);
      assert.ok(others.every(({ isOpen }) => isOpen));
      for (const client of others) client.cut();
    });

    it('W21: 60 calls in flight and an abrupt close, 50 times: every call is answered and the node runs on', async () => {
      let rounds = 0;
      const failures = new Map<string, number>();
      while (rounds < 50) {
        const client = await Client.open(node, 'w21');
        const params = { node_id: 'w21', server_name: 's', method: 'm', timeout: 30 };
        const calls = Array.from({ length: 30 }, () => remoteCall(node, params));
        for (let count = 0; count < 30; count += 1) client.call('limits', 'never', [], `r${count}`);
        await waitFor(() => client.calls() === 30, { what: '30 calls at the client' });
        client.cut();
        for (const { error } of await Promise.all(calls)) {
          const text = `${error.data.code}: ${error.data.message}`;
          failures.set(text, (failures.get(text) ?? 0) + 1);
        }
        rounds += 1;
      }
      assert.equal(rounds, 50);
      const lost = 'home_disconnected: remote server call failed: connection to w21 lost';
      assert.deepEqual([...failures], [[lost, 50 * 30]]);
      assert.equal((await get(node, '/registry/peers')).w21, undefined);
      // Calls of a neighbour that has gone are not counted against the next.
      const client = await Client.open(node, 'w21');
      client.call('limits', 'where', [], 'last');
      assert.equal((await client.answer('last')).result, 'n1');
      client.cut();
    });
  });
}
