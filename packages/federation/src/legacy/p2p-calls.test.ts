// What a bridging Main makes of calls and answers is what the adapter of legacy-p2p.md §8.1 makes of whole messages.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createFailure,
  decodeUtf8,
  encodeUtf8,
  federationToP2p,
  type Outcome,
  p2pToFederation,
} from '@relay/protocol';
import type { ArrivedCall } from './arrived-calls.ts';
import { createMesh, type Json, Mesh } from './mesh.test.ts';
import { callOfArrived, callOverP2p, endOfOutcome } from './p2p-calls.ts';

const TIME = '2026-11-22T10:58:50.368Z';
const ADAPTER = { self: 'n', isBridge: true, newId: () => 'new', now: () => TIME };

describe('a call from a P2P node', () => {
  for (const { why, args, timeout } of [
    { why: 'arguments by position', args: [1, 'a', { b: null }], timeout: 30 },
    { why: 'named arguments, as an array with the one object', args: [{ by: 2 }], timeout: 1.9 },
    { why: 'arguments that are none', args: 'x', timeout: 0 },
    { why: 'no arguments and no timeout', args: undefined, timeout: undefined },
    { why: 'a timeout beyond every limit', args: [], timeout: 1e9 },
  ]) {
    it(`is the request of the adapter: ${why}`, async () => {
      const mesh = new Mesh();
      const arrived: ArrivedCall[] = [];
      const node = mesh.node('n', (call) => arrived.push(call));
      const client = mesh.client('c1', node);
      const data = { call: { args, method: 'm', server_name: 's', timeout }, response_id: 'r' };
      const message = {
        type: 'server_call',
        id: '7',
        from: 'c1',
        to: 'n',
        data,
        timestamp: TIME,
        route: ['c1'],
        ttl: 9,
      };
      await client.say(message);
      const [first] = arrived;
      assert.ok(first);
      const call = callOfArrived(first, mesh.clock, '');
      const request = p2pToFederation(JSON.parse(JSON.stringify(message)), ADAPTER) as Json;
      assert.deepEqual(
        {
          server_name: call.service,
          method: call.method,
          data: JSON.parse(decodeUtf8(call.params) ?? ''),
          timeout_ms: call.deadline - mesh.clock.now(),
          caller: call.caller,
          priority: call.priority,
          source: call.source.id,
          message_id: first.responseId,
        },
        {
          server_name: request.server_name,
          method: request.method,
          data: request.data,
          timeout_ms: request.timeout_ms,
          caller: request.caller,
          priority: request.priority,
          source: request.source_node.id,
          message_id: request.message_id,
        },
      );
    });
  }
});

describe('the answer to a P2P node', () => {
  const OUTCOMES: readonly { readonly why: string; readonly outcome: Outcome }[] = [
    { why: 'a value', outcome: { kind: 'result', body: encodeUtf8('{"x":[1,null]}') } },
    { why: 'nil', outcome: { kind: 'result', body: encodeUtf8('null') } },
    {
      why: 'a failure',
      outcome: { kind: 'failure', failure: createFailure('application_error', 'no such post', 'alice') },
    },
    {
      why: 'a missing service',
      outcome: { kind: 'failure', failure: createFailure('service_not_found', 'server s not found', 'n') },
    },
  ];

  for (const { why, outcome } of OUTCOMES) {
    it(`is that of the adapter: ${why}`, async () => {
      const mesh = new Mesh();
      const node = mesh.node('n', (call, end) => end(endOfOutcome(outcome, call.server)));
      const client = mesh.client('c1', node);
      await client.hello();
      await client.call('n', 's', 'm', [], 'r');
      const answer = client.got.find(({ type }) => type === 'server_response');
      const frame = {
        message_id: answer.id,
        correlation_id: 'r',
        timestamp: answer.timestamp,
        source_node: { type: 'main', id: 'n' },
        destination_node: { type: 'home', id: 'c1', main_relay: 'n' },
        routing_path: [],
        ttl: 10,
      };
      const federation =
        outcome.kind === 'result'
          ? { ...frame, type: 'response', data: JSON.parse(decodeUtf8(outcome.body) ?? '') }
          : { ...frame, type: 'error', failure: { ...outcome.failure } };
      assert.deepEqual(answer, JSON.parse(JSON.stringify(federationToP2p(federation, ADAPTER))));
    });
  }
});

describe('a call to a P2P node', () => {
  for (const { why, params } of [
    { why: 'arguments by position', params: [1, { a: 2 }] },
    { why: 'named arguments', params: { by: 2 } },
    { why: 'no arguments', params: null },
  ]) {
    it(`is that of the adapter: ${why}`, async () => {
      const { node, client, clock } = createMesh();
      const timeoutMs = 1_200;
      callOverP2p(
        node,
        {
          call: {
            service: 's',
            method: 'm',
            params: encodeUtf8(JSON.stringify(params)),
            deadline: clock.now() + timeoutMs,
            source: { type: 'home', id: 'alice', mainRelay: 'n' },
            caller: { kind: 'http', node: 'client' },
            path: [],
            ttl: 9,
            priority: 5,
            trace: false,
            traceparent: '',
            callPath: [],
          },
          target: 'c1',
          self: 'n',
          clock,
        },
        () => {},
      );
      await clock.settle();
      const [sent] = client.got;
      const request = {
        type: 'request',
        message_id: sent.id,
        timestamp: sent.timestamp,
        source_node: { type: 'home', id: 'alice', main_relay: 'n' },
        destination_node: { type: 'home', id: 'c1', main_relay: 'n' },
        routing_path: ['alice'],
        ttl: 9,
        server_name: 's',
        method: 'm',
        timeout_ms: timeoutMs,
        data: params,
      };
      assert.deepEqual(sent, JSON.parse(JSON.stringify(federationToP2p(request, ADAPTER))));
    });
  }

  it('ends as the adapter reads the answer', async () => {
    const { node, client, clock } = createMesh();
    const ends: Json[] = [];
    for (const more of [
      { error: 'boom' },
      { error: 'server s not found' },
      { error: 'x', code: 'timeout' },
    ]) {
      const request = { target: 'c1', server: 's', method: 'm', args: [], timeoutMs: 1_000 };
      node.call(request, (end) => ends.push(end));
      await clock.settle();
      const { response_id } = client.got.at(-1).data;
      const answer = {
        type: 'server_response',
        from: 'c1',
        to: 'n',
        data: { response_id, ...more },
        route: ['c1'],
        ttl: 9,
      };
      await client.say(answer);
      const { failure } = p2pToFederation(answer, ADAPTER) as Json;
      assert.deepEqual(ends.at(-1).failure, failure);
    }
    assert.equal(ends.length, 3);
  });
});
