import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpUrl, normalizeUrl } from './url.ts';

describe('the address of a node', () => {
  for (const [written, main, peer] of [
    ['ws://h:8080', 'ws://h:8080/ws/federation', 'ws://h:8080/ws/peers'],
    ['ws://h:8080/', 'ws://h:8080/ws/federation', 'ws://h:8080/ws/peers'],
    ['ws://h', 'ws://h:80/ws/federation', 'ws://h:80/ws/peers'],
    ['ws://h:80', 'ws://h:80/ws/federation', 'ws://h:80/ws/peers'],
    ['wss://h', 'wss://h:443/ws/federation', 'wss://h:443/ws/peers'],
    ['http://h:8080', 'ws://h:8080/ws/federation', 'ws://h:8080/ws/peers'],
    ['https://h', 'wss://h:443/ws/federation', 'wss://h:443/ws/peers'],
    ['h:8080', 'ws://h:8080/ws/federation', 'ws://h:8080/ws/peers'],
    ['h:80', 'ws://h:80/ws/federation', 'ws://h:80/ws/peers'],
    ['h', 'ws://h:8080/ws/federation', 'ws://h:8080/ws/peers'],
    ['relay-a.com', 'ws://relay-a.com:8080/ws/federation', 'ws://relay-a.com:8080/ws/peers'],
    ['[::1]:9000', 'ws://[::1]:9000/ws/federation', 'ws://[::1]:9000/ws/peers'],
    ['ws://h:8080/x/y', 'ws://h:8080/x/y', 'ws://h:8080/x/y'],
  ] as const) {
    it(`reads ${written}`, () => {
      assert.deepEqual(normalizeUrl(written, 'main'), { ok: true, url: main });
      assert.deepEqual(normalizeUrl(written, 'peer'), { ok: true, url: peer });
    });
  }

  for (const [written, why] of [
    ['ftp://x', 'another scheme'],
    ['ws://user@h', 'a user'],
    ['user:secret@h', 'a user and a password'],
    ['ws://h?x=1', 'a query'],
    ['ws://h#x', 'a fragment'],
    ['ws://h:99999', 'a port out of range'],
    ['ws://h:0', 'port 0'],
    ['h:port', 'a port that is no number'],
    ['ws://', 'no host'],
    ['two words', 'a blank'],
    ['', 'nothing'],
  ] as const) {
    it(`refuses ${why}: ${written}`, () => {
      assert.deepEqual(normalizeUrl(written, 'main'), { ok: false });
      assert.deepEqual(normalizeUrl(written, 'peer'), { ok: false });
    });
  }

  it('takes dns:// for peers only', () => {
    assert.deepEqual(normalizeUrl('dns://Relays.example.com:9000', 'peer'), {
      ok: true,
      url: 'dns://relays.example.com:9000',
    });
    assert.deepEqual(normalizeUrl('dns://relays.example.com', 'main'), { ok: false });
    assert.deepEqual(normalizeUrl('dns://relays.example.com:0', 'peer'), { ok: false });
  });

  it('becomes an HTTP address for the tools', () => {
    assert.equal(httpUrl('h'), 'http://h:8080');
    assert.equal(httpUrl('ws://h:9000'), 'http://h:9000');
    assert.equal(httpUrl('https://h'), 'https://h');
    assert.equal(httpUrl('ftp://h'), undefined);
  });
});
