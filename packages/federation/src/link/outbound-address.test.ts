// security.md S15: what `peers/add` may make a node dial.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outboundRefusal, restrictedLookup } from './outbound-address.ts';

describe('addresses that outsiders may have dialled', () => {
  for (const host of [
    '127.0.0.1',
    '::1',
    '[::1]',
    '10.0.0.7',
    '172.16.3.4',
    '192.168.1.20',
    '100.64.0.1',
    '203.0.113.9',
    'fd12:3456::1',
    '[2001:db8::1]',
    '::ffff:192.168.1.20',
    'relay-a.com',
    'localhost',
    'raspberrypi.local',
  ]) {
    it(`${host} is allowed`, () => assert.equal(outboundRefusal(host), undefined));
  }

  for (const { host, kind } of [
    { host: '169.254.169.254', kind: 'link-local' },
    { host: '169.254.0.1', kind: 'link-local' },
    { host: 'fe80::1', kind: 'link-local' },
    { host: '[febf::1]', kind: 'link-local' },
    { host: '::ffff:169.254.169.254', kind: 'link-local' },
    { host: '[::ffff:a9fe:a9fe]', kind: 'link-local' },
    { host: '64:ff9b::a9fe:a9fe', kind: 'link-local' },
    { host: '2852039166', kind: 'link-local' },
    { host: '0xa9fea9fe', kind: 'link-local' },
    { host: '169.254.43518', kind: 'link-local' },
    { host: '0251.0376.0251.0376', kind: 'link-local' },
    { host: '0.0.0.0', kind: 'unspecified' },
    { host: '0', kind: 'unspecified' },
    { host: '[::]', kind: 'unspecified' },
    { host: '224.0.0.1', kind: 'multicast' },
    { host: '239.255.255.250', kind: 'multicast' },
    { host: 'ff02::1', kind: 'multicast' },
    { host: '255.255.255.255', kind: 'broadcast or reserved' },
    { host: '100.100.100.200', kind: 'cloud metadata' },
    { host: 'fd00:ec2::254', kind: 'cloud metadata' },
  ]) {
    it(`${host} is refused as ${kind}`, () =>
      assert.match(outboundRefusal(host) ?? '', new RegExp(` is a ${kind} address, which is not dialled$`)));
  }

  const find = (addresses: readonly string[]) =>
    restrictedLookup((_host, _options, settle) =>
      settle(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
  const lookUp = (addresses: readonly string[], options: object = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      find(addresses)('peer.test', options, (error, address) =>
        error === null ? resolve(address) : reject(error),
      );
    });

  it('a name is judged by what it resolves to', async () => {
    await assert.rejects(lookUp(['169.254.169.254', 'fe80::1']), {
      message: 'peer.test is not dialled: 169.254.169.254 is a link-local address, which is not dialled',
    });
    assert.equal(await lookUp(['192.168.1.20']), '192.168.1.20');
  });

  it('of several addresses the allowed ones are left', async () => {
    assert.deepEqual(await lookUp(['fe80::1', '10.0.0.7', 'fd12::1'], { all: true }), [
      { address: '10.0.0.7', family: 4 },
      { address: 'fd12::1', family: 6 },
    ]);
  });

  it('a name that cannot be looked up fails as it does elsewhere', async () => {
    const broken = restrictedLookup((_host, _options, settle) =>
      settle(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), []),
    );
    const error = await new Promise((resolve) => broken('peer.test', {}, resolve));
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOTFOUND');
  });
});
