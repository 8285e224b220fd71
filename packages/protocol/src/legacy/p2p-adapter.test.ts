// Row B5: every row of the table between the former protocol and the federation, in both directions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { federationToP2p, p2pToFederation, styleOf } from './p2p-adapter.ts';

const NOW = '2026-11-22T10:58:50.368Z';
const OPTIONS = { self: 'n', isBridge: false, newId: () => 'new', now: () => NOW };
const BRIDGE = { ...OPTIONS, isBridge: true };
const FRAME = {
  message_id: '7',
  timestamp: NOW,
  source_node: { type: 'main', id: 'a' },
  destination_node: { type: 'main', id: 'b' },
  routing_path: ['a'],
  ttl: 9,
  priority: 5,
};
const P2P = { id: '7', from: 'a', to: 'b', timestamp: NOW, route: ['a'], ttl: 9 };
const FAILURE = {
  code: -32002,
  name: 'service_not_found',
  message: 'server s not found',
  executed: 'no',
  at: 'a',
};
const CALL = { args: [1, { b: null }], method: 'm', server_name: 's', timeout: 30 };

/** Pairs that mean the same in both directions. */
const ROWS: readonly { why: string; p2p: object; federation: object }[] = [
  {
    why: 'a ping',
    p2p: { type: 'ping', ...P2P, data: { timestamp: 5 } },
    federation: { type: 'heartbeat', ...FRAME, data: { kind: 'ping', timestamp: 5 } },
  },
  {
    why: 'a pong',
    p2p: { type: 'pong', ...P2P, data: { pong_time: 6, timestamp: null } },
    federation: { type: 'heartbeat', ...FRAME, data: { kind: 'pong', pong_time: 6, timestamp: null } },
  },
  {
    why: 'a call',
    p2p: { type: 'server_call', ...P2P, data: { call: CALL, response_id: '7' } },
    federation: {
      type: 'request',
      ...FRAME,
      server_name: 's',
      method: 'm',
      data: CALL.args,
      timeout_ms: 30_000,
      timeout_seconds: 30,
    },
  },
  {
    why: 'a result',
    p2p: {
      type: 'server_response',
      ...P2P,
      data: { node_id: 'a', response_id: 'r', result: { x: 1 }, success: true },
      reply_to: 'r',
    },
    federation: { type: 'response', ...FRAME, correlation_id: 'r', data: { x: 1 } },
  },
  {
    why: 'a failure',
    p2p: {
      type: 'server_response',
      ...P2P,
      data: {
        error: 'server s not found',
        node_id: 'a',
        response_id: 'r',
        success: false,
        code: 'service_not_found',
      },
      reply_to: 'r',
    },
    federation: { type: 'error', ...FRAME, correlation_id: 'r', failure: FAILURE },
  },
  {
    why: 'a hello',
    p2p: { type: 'registry_sync', ...P2P, data: { node_id: 'a', servers: [{ name: 's', methods: ['m'] }] } },
    federation: {
      type: 'service_discovery',
      ...FRAME,
      data: { add: [{ service_name: 's', methods: [{ name: 'm' }] }] },
    },
  },
];

describe('the adapter of the former protocol', () => {
  for (const { why, p2p, federation } of ROWS) {
    it(`B5: turns ${why} into a federation message`, () =>
      assert.deepEqual(p2pToFederation(p2p, OPTIONS), federation));
    it(`B5: turns a federation message into ${why}`, () =>
      assert.deepEqual(federationToP2p(federation, OPTIONS), p2p));
    it(`B5: gives ${why} back after both ways`, () =>
      assert.deepEqual(federationToP2p(p2pToFederation(p2p, OPTIONS), OPTIONS), p2p));
  }

  it('takes the old style as the plan gives it', () => {
    assert.deepEqual(p2pToFederation({ type: 'ping', from: 'node1', to: 'node2' }, OPTIONS), {
      type: 'heartbeat',
      message_id: 'new',
      timestamp: NOW,
      source_node: { type: 'main', id: 'node1' },
      destination_node: { type: 'main', id: 'node2' },
      routing_path: [],
      ttl: 10,
      priority: 5,
      data: { kind: 'ping', timestamp: null },
    });
  });

  it('puts other nodes below a bridging Main, which names the caller', () => {
    const call = p2pToFederation(
      { type: 'server_call', from: 'node2', data: { call: CALL, response_id: 'r' } },
      BRIDGE,
    );
    assert.deepEqual(
      [call['source_node'], call['destination_node'], call['message_id'], call['caller']],
      [
        { type: 'home', id: 'node2', main_relay: 'n' },
        { type: 'main', id: 'n' },
        'r',
        { kind: 'p2p', node: 'node2' },
      ],
    );
  });

  it('lets a bridging Main speak under its own id, with a route of itself and nine hops left', () => {
    const back = federationToP2p({ type: 'response', ...FRAME, correlation_id: 'r', data: null }, BRIDGE);
    assert.deepEqual([back['from'], back['route'], back['ttl']], ['n', ['n'], 9]);
    assert.deepEqual(back['data'], { node_id: 'n', response_id: 'r', result: null, success: true });
  });

  it('unfolds an envelope', () => {
    const data = {
      original_message: { type: 'ping', from: 'a', to: 'b', id: '7', timestamp: NOW, route: ['a'], ttl: 9 },
    };
    const inner = p2pToFederation({ type: 'route_message', from: 'a', to: 'n', data }, OPTIONS);
    assert.deepEqual([inner['type'], inner['routing_path']], ['heartbeat', ['a']]);
  });

  for (const { why, given, args } of [
    { why: 'an object', given: { x: 1 }, args: [{ x: 1 }] },
    { why: 'nothing', given: null, args: [] },
    { why: 'an array', given: [1], args: [1] },
  ]) {
    it(`sends ${why} as an array of arguments, and whole seconds`, () => {
      const request = {
        type: 'request',
        ...FRAME,
        server_name: 's',
        method: 'm',
        data: given,
        timeout_ms: 1_200,
      };
      const { call } = federationToP2p(request, OPTIONS)['data'] as { call: object };
      assert.deepEqual(call, { args, method: 'm', server_name: 's', timeout: 2 });
    });
  }

  it('fills in what is missing: 60 s, no arguments, ttl 10, the id of the call', () => {
    const request = p2pToFederation(
      {
        type: 'server_call',
        id: 'i',
        from: 'a',
        ttl: 0,
        data: { call: { server_name: 's', method: 'm', args: 'x', timeout: -1 } },
      },
      OPTIONS,
    );
    assert.deepEqual(
      [
        request['timeout_ms'],
        request['data'],
        request['ttl'],
        request['message_id'],
        request['routing_path'],
      ],
      [60_000, [], 10, 'i', []],
    );
  });

  for (const { text, name, code, executed } of [
    { text: 'server x not found', name: 'service_not_found', code: -32002, executed: 'no' },
    { text: 'no route found to destination x', name: 'node_not_found', code: -32001, executed: 'no' },
    { text: 'message TTL exceeded', name: 'too_many_hops', code: -32008, executed: 'no' },
    { text: 'routing loop detected', name: 'loop_detected', code: -32009, executed: 'no' },
    { text: 'timeout waiting for reply from server x', name: 'timeout', code: -32006, executed: 'unknown' },
    {
      text: 'failed to send message to x: send channel full',
      name: 'overloaded',
      code: -32011,
      executed: 'no',
    },
    { text: "server 'x' has no method 'm'", name: 'method_not_found', code: -32601, executed: 'no' },
    { text: 'boom', name: 'internal_error', code: -32603, executed: 'unknown' },
  ]) {
    it(`reads «${text}» as ${name}`, () => {
      const answer = { type: 'server_response', from: 'a', to: 'n', data: { response_id: 'r', error: text } };
      assert.deepEqual(p2pToFederation(answer, OPTIONS)['failure'], {
        code,
        name,
        message: text,
        executed,
        at: 'a',
      });
    });
  }

  for (const { why, message, pattern } of [
    {
      why: 'an unknown type',
      message: { type: 'gossip', from: 'a' },
      pattern: /unsupported P2P message type 'gossip'/,
    },
    { why: 'a sender that is no id', message: { type: 'ping', from: 'a b' }, pattern: /^from:/ },
    { why: 'a receiver that is no id', message: { type: 'ping', from: 'a', to: '-' }, pattern: /^to:/ },
    {
      why: 'a call without server',
      message: { type: 'server_call', from: 'a', data: { call: { method: 'm' } } },
      pattern: /^server_name:/,
    },
    {
      why: 'a call without method',
      message: { type: 'server_call', from: 'a', data: { call: { server_name: 's' } } },
      pattern: /^method:/,
    },
    {
      why: 'an answer in the name of another',
      message: { type: 'server_response', from: 'a', data: { response_id: 'r', node_id: 'z' } },
      pattern: /^data\.node_id:/,
    },
    { why: 'neither style', message: { type: 'ping' }, pattern: /^from:/ },
  ]) {
    it(`refuses ${why}`, () =>
      assert.throws(
        () => p2pToFederation(message, OPTIONS),
        (error: Error) => pattern.test(error.message),
      ));
  }

  for (const { why, message, pattern } of [
    {
      why: 'a type without a word in the old protocol',
      message: { type: 'drain', ...FRAME },
      pattern: /unsupported federation message type 'drain'/,
    },
    { why: 'a missing type', message: { ...FRAME }, pattern: /^type:/ },
    {
      why: 'a wrong address',
      message: { type: 'heartbeat', ...FRAME, source_node: { type: 'x', id: 'a' } },
      pattern: /^source_node\.type:/,
    },
    {
      why: 'a request without server',
      message: { type: 'request', ...FRAME, method: 'm' },
      pattern: /^server_name:/,
    },
    {
      why: 'an error that answers nothing',
      message: { type: 'error', ...FRAME },
      pattern: /^correlation_id:/,
    },
  ]) {
    it(`refuses ${why}`, () =>
      assert.throws(
        () => federationToP2p(message, OPTIONS),
        (error: Error) => pattern.test(error.message),
      ));
  }

  it('tells the styles apart', () => {
    assert.deepEqual(
      [
        { message_id: '1' },
        { source_node: {}, type: 'x', from: 'a' },
        { type: 'x', from: 'a' },
        {},
        [],
        null,
      ].map(styleOf),
      ['federation', 'federation', 'p2p', 'unknown', 'unknown', 'unknown'],
    );
  });
});
