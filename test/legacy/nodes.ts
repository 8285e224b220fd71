// Nodes of both worlds for the tests of this folder, over real sockets. The existing node is made by hand: it only accepts, says no
// hello, and drops what does not come from its neighbour (legacy-p2p.md §9).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog, holdPort, type RelayNode, startRelay, systemClock } from '@relay/federation';
import { createFailure, encodeUtf8, type Service } from '@relay/protocol';
import { waitFor } from '@relay/testkit';
import { type WebSocket, WebSocketServer } from 'ws';

// biome-ignore lint/suspicious/noExplicitAny: answers are compared field by field, and a missing one fails the comparison.
export type Json = any;

const started: (() => unknown)[] = [];

/** Ends everything that was started here, the last first. */
export async function stopAll(): Promise<void> {
  for (const stop of started.splice(0).reverse()) await stop();
}

/** Something else that ends with the tests. */
export function atEnd(stop: () => unknown): void {
  started.push(stop);
}

/** A service that answers its arguments, its own node's id, or a failure. */
export function service(name: string, nodeId: string): Service {
  const method = (one: string) => ({ name: one, params: [], returns: 'any', effect: 'writes' }) as const;
  return {
    offer: {
      name,
      methods: ['echo', 'where', 'fail', 'never'].map(method),
      visibility: 'federated',
      weight: 1,
    },
    handle: (call, settle) => {
      if (call.method === 'echo') settle({ kind: 'result', body: call.params });
      else if (call.method === 'where') settle({ kind: 'result', body: encodeUtf8(JSON.stringify(nodeId)) });
      else if (call.method === 'fail')
        settle({ kind: 'failure', failure: createFailure('internal_error', 'boom', nodeId) });
      return () => {};
    },
  };
}

export async function startNode(
  nodeType: 'main' | 'home' | 'p2p',
  nodeId: string,
  more: Partial<Parameters<typeof startRelay>[0]> = {},
): Promise<RelayNode> {
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-bridge-'));
  const node = await startRelay({
    nodeType,
    nodeId,
    version: '0.0.0',
    port: await holdPort({ host: '127.0.0.1', port: 0 }),
    folder,
    services: [service(`${nodeId.replace(/\W/g, '_')}_service`, nodeId)],
    log: createLog({ level: 'error', format: 'text', write: () => {}, clock: systemClock }),
    events: { emit: () => {} },
    drainMs: 0,
    ...more,
  });
  node.connect();
  started.push(async () => {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return node;
}

/** Follows §9: accepts, says no hello, and hears its neighbours only. */
export async function existingNode(
  id: string,
): Promise<{ address: string; neighbour: () => WebSocket | undefined; got: Json[] }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const got: Json[] = [];
  let current: WebSocket | undefined;
  server.on('connection', (socket, request) => {
    current = socket;
    const neighbour = new URL(request.url ?? '', 'http://x').searchParams.get('node_id');
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Json;
      if (message.from !== neighbour) return;
      got.push(message);
      if (message.type !== 'server_call') return;
      const { response_id, call } = message.data;
      const answer =
        call.method === 'fail' ? { success: false, error: 'boom' } : { success: true, result: call.args };
      if (call.method === 'never') return;
      const data_ = { node_id: id, response_id, ...answer };
      socket.send(
        JSON.stringify({
          type: 'server_response',
          id: '1',
          from: id,
          to: neighbour,
          data: data_,
          route: [id],
          ttl: 9,
        }),
      );
    });
  });
  started.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, neighbour: () => current, got };
}

export async function get(node: RelayNode, target: string): Promise<Json> {
  return (await fetch(node.url + target)).json();
}

export async function send(
  node: RelayNode,
  method: string,
  target: string,
  body?: string,
): Promise<{ status: number; json: Json }> {
  const answer = await fetch(node.url + target, { method, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, json: await answer.json() };
}

export async function remoteCall(node: RelayNode, params: object): Promise<Json> {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
  return (await send(node, 'POST', '/rpc', body)).json;
}

export async function addPeer(node: RelayNode, id: string, address: string): Promise<void> {
  const { status } = await send(
    node,
    'POST',
    '/registry/peers/add',
    JSON.stringify({ node_id: id, address }),
  );
  assert.equal(status, 200);
  await waitFor(async () => (await get(node, '/registry/peers'))[id]?.is_healthy === true, {
    what: `${id} healthy`,
    limitMs: 5_000,
  });
}

/** `host:port` */
export const addressOf = (node: RelayNode): string => new URL(node.url).host;
export const wsOf = (node: RelayNode, target: string): string => node.url.replace('http', 'ws') + target;
