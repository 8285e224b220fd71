// Messages of the former protocol as text, and the numbers of legacy-p2p.md §6. Both are promises to nodes that nobody can change.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeP2p, encodeP2p, P2P_LIMITS } from './p2p-message.ts';

const MESSAGE = {
  type: 'ping',
  id: '1795345130368578902',
  from: 'node1',
  to: 'node2',
  data: { timestamp: 1795345130 },
  timestamp: '2026-11-22T10:58:50.368609608Z',
  route: ['node1'],
  ttl: 9,
};

it('the numbers of the protocol', () => {
  const second = 1_000;
  assert.deepEqual(
    { ...P2P_LIMITS },
    {
      ttl: 10,
      maxCost: 9,
      messageBytes: 1_048_576,
      queue: 100,
      queueFullMs: 1 * second,
      inFlight: 64,
      linksPerId: 4,
      routes: 10_000,
      services: 1_000,
      routeLength: 64,
      returnPaths: 10_000,
      returnGraceMs: 10 * second,
      malformedPerMinute: 10,
      dialMs: 5 * second,
      syncDelayMs: 100,
      pingMs: 30 * second,
      unhealthyMs: 60 * second,
      silentMs: 90 * second,
      helloMs: 5 * second,
      defaultTimeoutMs: 60 * second,
    },
  );
});

describe('a message', () => {
  it('is written as it was read, members in the order of existing nodes', () => {
    const text = JSON.stringify(MESSAGE);
    assert.equal(encodeP2p(decodeP2p(text)), text);
    assert.equal(
      encodeP2p(decodeP2p(`${JSON.stringify({ more: 1, ...MESSAGE, reply_to: 'r' })}\n`)),
      `${text.slice(0, -1)},"reply_to":"r"}`,
    );
  });

  it('leaves out an empty route and a ttl of 0, and keeps data that is null', () => {
    const { route: _, ttl: __, ...rest } = MESSAGE;
    const short = JSON.stringify({ ...rest, data: null });
    assert.equal(encodeP2p(decodeP2p(short)), short);
    assert.equal(encodeP2p(decodeP2p(JSON.stringify({ ...rest, data: null, route: [], ttl: 0 }))), short);
  });

  it('has a ttl of at most 10, and none if it is no whole number above 0', () => {
    const ttlOf = (ttl: unknown): number => decodeP2p(JSON.stringify({ ...MESSAGE, ttl })).ttl;
    assert.deepEqual([10, 11, 1e9, 0, -1, 1.5, '9', null].map(ttlOf), [10, 10, 10, 0, 0, 0, 0, 0]);
  });

  for (const { why, text } of [
    { why: 'text that is not JSON', text: '{' },
    { why: 'an array', text: '[]' },
    { why: 'null', text: 'null' },
    { why: 'an object without a type', text: '{"from":"a"}' },
    { why: 'a type that is no text', text: '{"type":7,"from":"a"}' },
    { why: 'an empty type', text: '{"type":"","from":"a"}' },
    { why: 'a timestamp that is no text', text: '{"type":"ping","from":"a","timestamp":5}' },
    { why: 'a timestamp that is no date', text: '{"type":"ping","from":"a","timestamp":"yesterday"}' },
    {
      why: 'a day that does not exist',
      text: '{"type":"ping","from":"a","timestamp":"2026-13-01T00:00:00Z"}',
    },
  ]) {
    it(`is not ${why}`, () => assert.throws(() => decodeP2p(text), { name: 'MalformedMessage' }));
  }

  for (const timestamp of [
    '2026-11-22T10:58:50Z',
    '2026-11-22T10:58:50.368609608Z',
    '2026-11-22T10:58:50.368+01:00',
    '2026-11-22 10:58:50z',
  ]) {
    it(`may be of ${timestamp}`, () =>
      assert.equal(decodeP2p(JSON.stringify({ ...MESSAGE, timestamp })).timestamp, timestamp));
  }
});
