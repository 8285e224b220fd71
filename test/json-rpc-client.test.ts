// Somebody else's JSON-RPC 2.0 client talks to a Main: requests, notifications, batches, errors and ids as that library reads them.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { holdPort, type RelayNode, startRelay, systemClock } from '@relay/federation';
import { ApplicationError, defineService } from '@relay/host';
import { waitFor } from '@relay/testkit';
import { JSONRPCClient, JSONRPCErrorException } from 'json-rpc-2.0';
import { SILENT_LOG } from '../packages/federation/src/observe/log.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'relay-json-rpc-'));
const notes: unknown[] = [];
const service = defineService('notes', {
  sum: { params: { a: 'number', b: 'number' }, run: (_context, a, b) => Number(a) + Number(b) },
  note: (_context, text) => {
    notes.push(text);
  },
  refuse: () => {
    throw new ApplicationError({ error: 'full' });
  },
});

let node: RelayNode;
const statuses: number[] = [];
let client: JSONRPCClient;

before(async () => {
  node = await startRelay({
    nodeType: 'main',
    nodeId: 'relay-a.com',
    version: 'test',
    port: await holdPort({ host: '127.0.0.1', port: 0 }),
    folder,
    services: [service],
    drainMs: 0,
    log: SILENT_LOG,
    events: { emit: () => {} },
  });
  service.connect({ clock: systemClock, nodeId: () => 'relay-a.com', outbound: node.outbound });
  client = new JSONRPCClient(async (payload) => {
    const answer = await fetch(`${node.url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    });
    statuses.push(answer.status);
    if (answer.status !== 204) client.receive(await answer.json());
  });
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the JSON-RPC client json-rpc-2.0', () => {
  it('calls by position, by name and through remote_call', async () => {
    assert.equal(await client.request('notes.sum', [1, 2]), 3);
    assert.equal(await client.request('notes.sum', { b: 3, a: 4 }), 7);
    const params = { service_name: 'notes', method: 'sum', args: [5, 6] };
    assert.equal(await client.request('remote_call', params), 11);
  });

  it('gets errors with code, message and data', async () => {
    const rejected = async (method: string, params?: unknown): Promise<JSONRPCErrorException> => {
      const error = await Promise.resolve(client.request(method, params)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof JSONRPCErrorException, String(error));
      return error;
    };
    const refused = await rejected('notes.refuse');
    assert.deepEqual(
      [refused.code, refused.message, refused.data.value],
      [-32000, 'Application error', { error: 'full' }],
    );
    assert.equal((await rejected('notes.nothing')).code, -32601);
    assert.equal((await rejected('notes.sum', [1, 2, 3])).code, -32602);
    assert.equal(
      (await rejected('remote_call', { node_id: 'nobody', server_name: 'notes', method: 'sum' })).code,
      -32001,
    );
  });

  it('notifies without an answer', async () => {
    client.notify('notes.note', ['quiet']);
    await waitFor(() => notes.length === 1, { what: 'the notification to run' });
    await waitFor(() => statuses.includes(204), { what: 'the answer to the notification' });
    assert.deepEqual(notes, ['quiet']);
  });

  it('sends a batch and gets each answer by its id', async () => {
    const answers = await client.requestAdvanced([
      { jsonrpc: '2.0', id: 'one', method: 'notes.sum', params: [1, 1] },
      { jsonrpc: '2.0', id: 2, method: 'nowhere.at_all' },
      { jsonrpc: '2.0', id: 'three', method: 'notes.sum', params: [2, 2] },
    ]);
    assert.deepEqual(
      answers.map(({ id, result, error }) => [id, result, error?.code]),
      [
        ['one', 2, undefined],
        [2, undefined, -32601],
        ['three', 4, undefined],
      ],
    );
  });

  it('finds out what it may call', async () => {
    const document = await client.request('rpc.discover', undefined);
    assert.match(document.openrpc, /^1\.3\.\d+$/);
    const names = document.methods.map(({ name }: { name: string }) => name);
    for (const name of ['remote_call', 'rpc.discover', 'notes.sum']) assert.ok(names.includes(name), name);
  });
});
