import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { Admission } from '../identity/admission.ts';
import { createMemoryAdmissionStore, type OwnerRole } from '../identity/admission-store.ts';
import type { ForgottenId, InviteStore } from '../identity/invites.ts';
import { ForgottenKeys } from './forgotten-keys.ts';
import { offer, Scene } from './scene.test.ts';

/** What `relay forget` would have written beside the Main. */
class Requests implements InviteStore {
  readonly asked: ForgottenId[] = [];
  error: Error | undefined;

  isValid(): boolean {
    return false;
  }

  consume(): boolean {
    return false;
  }

  takeForgotten(): readonly ForgottenId[] {
    if (this.error !== undefined) throw this.error;
    return this.asked.splice(0);
  }
}

describe('a Main that is asked to forget a key', () => {
  it('does so within a second, and once', async () => {
    const clock = new ManualClock();
    const invites = new Requests();
    const admission = new Admission({ self: 'main', store: createMemoryAdmissionStore(), clock, invites });
    admission.admit({ role: 'home', id: 'a', publicKey: 'k1', token: undefined });
    const ended: string[] = [];
    const forgotten = (role: OwnerRole, id: string) => void ended.push(`${role} ${id}`);
    const keys = new ForgottenKeys({ admission, clock, forgotten, warn: () => {} });
    invites.asked.push({ role: 'home', id: 'a' });
    await clock.advance(1_000);
    assert.deepEqual(ended, ['home a']);
    assert.equal(admission.belongsToAnother('home', 'a', 'k2'), false);
    await clock.advance(10_000);
    assert.equal(ended.length, 1);
    keys.stop();
    invites.asked.push({ role: 'home', id: 'a' });
    await clock.advance(10_000);
    assert.equal(ended.length, 1, 'and nothing after it stopped');
  });

  it('goes on while the file cannot be read, and says so once', async () => {
    const clock = new ManualClock();
    const invites = new Requests();
    const admission = new Admission({ self: 'main', store: createMemoryAdmissionStore(), clock, invites });
    const ended: string[] = [];
    const warnings: string[] = [];
    const keys = new ForgottenKeys({
      admission,
      clock,
      forgotten: (_role, id) => void ended.push(id),
      warn: (message) => void warnings.push(message),
    });
    invites.error = new Error('database is locked');
    await clock.advance(5_000);
    assert.deepEqual(warnings, ['cannot read what relay forget asks for: database is locked']);
    invites.error = undefined;
    invites.asked.push({ role: 'home', id: 'a' });
    await clock.advance(1_000);
    assert.deepEqual(ended, ['a']);
    keys.stop();
  });

  it('ends the session of that Home with a final code, and its registration', async () => {
    const scene = new Scene();
    const invites = new Requests();
    const main = scene.main('relay-a', { invites });
    const home = scene.home('alice.home', [main.url]);
    const other = scene.home('bob.home', [main.url]);
    for (const { manager } of [home, other]) {
      manager.offer([offer('shop')]);
      manager.start();
    }
    await scene.clock.advance(500);
    assert.ok(main.owner.held.has('alice.home'));
    invites.asked.push({ role: 'home', id: 'alice.home' });
    await scene.clock.advance(1_100);
    assert.equal(main.manager.home('alice.home'), undefined);
    assert.equal(home.manager.status().state, 'refused');
    assert.deepEqual([...main.owner.held.keys()], ['bob.home']);
    await scene.clock.advance(120_000);
    assert.equal(main.manager.home('alice.home'), undefined, 'it does not come back by itself');
    assert.equal(main.manager.home('bob.home')?.isOpen, true);
  });

  it('of a peer meets its new key: it dials the peer again', async () => {
    const scene = new Scene();
    const invites = new Requests();
    const a = scene.main('relay-a', { invites });
    const b = scene.main('relay-b');
    a.manager.addPeer(b.peerUrl, 'flag');
    await scene.clock.advance(1_000);
    assert.ok(a.manager.peer('relay-b')?.isOpen);
    scene.network.restart('relay-b');
    scene.main('relay-b', { identity: scene.identity('new key of relay-b') });
    await scene.clock.advance(120_000);
    assert.match(a.manager.peers()[0]?.lastError ?? '', /key of relay-b changed/);
    assert.equal(a.manager.peers()[0]?.state, 'refused');
    invites.asked.push({ role: 'main', id: 'relay-b' });
    await scene.clock.advance(2_000);
    assert.equal(a.manager.peer('relay-b')?.isOpen, true);
    // One that stands goes as well, and comes back under the key that answers.
    const session = a.manager.peer('relay-b');
    invites.asked.push({ role: 'main', id: 'relay-b' });
    await scene.clock.advance(1_100);
    assert.equal(session?.isOpen, false);
    await scene.clock.advance(5_000);
    assert.equal(a.manager.peer('relay-b')?.isOpen, true);
  });
});
