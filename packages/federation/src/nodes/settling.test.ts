import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { Admission } from '../identity/admission.ts';
import { type AdmissionRecord, createMemoryAdmissionStore } from '../identity/admission-store.ts';
import { Settling } from './settling.ts';

/** Starts of one Main, with what it remembers from one to the next. */
function createMain() {
  const clock = new ManualClock();
  const records = new Map<string, AdmissionRecord>();
  const open = () => new Admission({ self: 'relay-a', store: createMemoryAdmissionStore(records), clock });
  const come = (id: string, role: 'home' | 'main' = 'home') =>
    open().admit({ role, id, publicKey: `key-of-${id}`, token: undefined });
  const start = () => {
    const known = new Set<string>();
    const has = (id: string): boolean => known.has(id);
    const peers = { isMissing: false };
    const admission = open();
    const settling = new Settling({
      clock,
      admission,
      hasHome: has,
      hasMain: has,
      lacksPeer: () => peers.isMissing,
    });
    settling.start();
    return { settling, admission, known, peers };
  };
  return { clock, open, come, start };
}

describe('a Main that starts', () => {
  it('knows at once what there is to know if it had no Homes and has no peers', () => {
    const { clock, start } = createMain();
    assert.equal(start().settling.isSettling, false);
    assert.equal(clock.pendingTimers, 0);
  });

  it('waits for the Homes that had a session when it ended, until all of them are known', () => {
    const main = createMain();
    main.come('alice');
    main.come('bob');
    const { settling, known } = main.start();
    assert.equal(settling.isSettling, true);
    assert.equal(settling.awaitsHome('alice'), true);
    assert.equal(settling.awaitsHome('carol'), false);
    known.add('alice');
    assert.equal(settling.awaitsHome('alice'), false);
    assert.equal(settling.isSettling, true);
    known.add('bob');
    assert.equal(settling.isSettling, false);
  });

  it('waits no longer than 30 s, and not again at the next start', async () => {
    const main = createMain();
    main.come('alice');
    const { settling } = main.start();
    await main.clock.advance(29_999);
    assert.equal(settling.isSettling, true);
    await main.clock.advance(1);
    assert.equal(settling.isSettling, false);
    assert.equal(main.start().settling.isSettling, false);
  });

  for (const { why, presence, awayMs, isAwaited } of [
    { why: 'had lost its link a minute before', presence: 'lost', awayMs: 60_000, isAwaited: true },
    { why: 'had lost its link when its lease was over', presence: 'lost', awayMs: 90_000, isAwaited: false },
    { why: 'had left', presence: 'left', awayMs: 0, isAwaited: false },
  ] as const) {
    it(`${isAwaited ? 'waits' : 'does not wait'} for a Home that ${why}`, async () => {
      const main = createMain();
      main.come('alice');
      main.open().touch('home', 'alice', presence);
      await main.clock.advance(awayMs);
      assert.equal(main.start().settling.isSettling, isAwaited);
    });
  }

  it('waits for its peers for 10 s', async () => {
    const main = createMain();
    const { settling, peers } = main.start();
    peers.isMissing = true;
    assert.equal(settling.awaitsPeers, true);
    assert.equal(settling.isSettling, true);
    assert.equal(settling.awaitsHome('alice'), false);
    await main.clock.advance(10_000);
    assert.equal(settling.isSettling, false);
  });

  it('has started once its peers were there, also if one of them goes soon after', () => {
    const { settling, peers } = createMain().start();
    peers.isMissing = true;
    assert.equal(settling.awaitsDialledPeers, true);
    peers.isMissing = false;
    assert.equal(settling.awaitsDialledPeers, false);
    peers.isMissing = true;
    assert.equal(settling.awaitsDialledPeers, false);
  });

  it('waits for a Main that dialled it before, which does not keep it from being ready', () => {
    const main = createMain();
    main.come('relay-b', 'main');
    const { settling, known } = main.start();
    assert.equal(settling.awaitsPeers, true);
    assert.equal(settling.awaitsDialledPeers, false);
    known.add('relay-b');
    assert.equal(settling.isSettling, false);
  });
});
