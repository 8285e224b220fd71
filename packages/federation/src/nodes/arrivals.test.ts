import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { Arrivals, addressGroup } from './arrivals.ts';

describe('arrivals', () => {
  for (const [why, address, group] of [
    ['an IPv4 address', '192.0.2.7', '192.0.2.7'],
    ['an IPv4 address as a dual-stack socket tells it', '::ffff:192.0.2.7', '192.0.2.7'],
    ['the /64 of an IPv6 address', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['the /64 of a short IPv6 address', '2001:db8::1', '2001:db8:0:0'],
    ['the /64 of a link-local address with its zone', 'fe80::1%eth0', 'fe80:0:0:0'],
    ['nothing of loopback', '127.0.0.1', undefined],
    ['nothing of loopback in other forms', '::ffff:127.8.9.1', undefined],
    ['nothing of IPv6 loopback', '::1', undefined],
  ] as const) {
    it(`count ${why}`, () => assert.equal(addressGroup(address), group));
  }

  it('let 10 at once and 5 a second through from one address, and others beside it', async () => {
    const clock = new ManualClock();
    const arrivals = new Arrivals(clock);
    const come = (count: number, from = '192.0.2.1'): number =>
      Array.from({ length: count }, () => arrivals.allow(from)).filter(Boolean).length;
    assert.equal(come(50), 10);
    assert.equal(come(1, '192.0.2.2'), 1);
    await clock.advance(1_000);
    assert.equal(come(50), 5);
    assert.equal(come(1_000, '127.0.0.1'), 1_000);
  });

  it('forget addresses that were quiet', async () => {
    const clock = new ManualClock();
    const arrivals = new Arrivals(clock);
    for (let index = 0; index < 100; index += 1) arrivals.allow(`192.0.2.${index}`);
    assert.equal(arrivals.size, 100);
    await clock.advance(2_000);
    for (let index = 0; index < 26; index += 1) arrivals.allow('198.51.100.1');
    assert.ok(arrivals.size <= 2, `${arrivals.size} are left`);
  });

  it('have room for 32 Homes of one address, and for one that returns', () => {
    const arrivals = new Arrivals(new ManualClock());
    for (let index = 0; index < 32; index += 1) arrivals.homeCame('2001:db8::1');
    assert.equal(arrivals.hasRoomForHome('2001:db8::2', false), false);
    assert.equal(arrivals.hasRoomForHome('2001:db8::2', true), true);
    assert.equal(arrivals.hasRoomForHome('2001:db8:0:1::2', false), true);
    arrivals.homeWent('2001:db8::1');
    assert.equal(arrivals.hasRoomForHome('2001:db8::2', false), true);
  });
});
