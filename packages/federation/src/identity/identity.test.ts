import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Admission } from './admission.ts';
import { createFileAdmissionStore, createMemoryAdmissionStore } from './admission-store.ts';
import { createIdentity, loadOrCreateIdentity, verifySignature } from './keys.ts';
import { createFileMainKeys } from './main-keys.ts';

function folder(): { readonly dir: string } & Disposable {
  const dir = mkdtempSync(path.join(tmpdir(), 'relay-identity-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) };
}

describe('the key of a node', () => {
  it('is made once, readable by its owner only', () => {
    using temporary = folder();
    const dir = path.join(temporary.dir, 'node');
    const first = loadOrCreateIdentity(dir);
    const second = loadOrCreateIdentity(dir);
    assert.deepEqual(first.publicKey, second.publicKey);
    assert.equal(statSync(path.join(dir, 'node-key.pem')).mode & 0o777, 0o600);
    const bytes = Buffer.from('hello');
    assert.equal(verifySignature(second.publicKey, bytes, first.sign(bytes)), true);
    assert.equal(verifySignature(second.publicKey, Buffer.from('hullo'), first.sign(bytes)), false);
    assert.equal(verifySignature(new Uint8Array(32).fill(255), bytes, first.sign(bytes)), false);
    assert.equal(verifySignature(second.publicKey, bytes, new Uint8Array(3)), false);
  });

  it('follows from the seed in simulations', () => {
    const one = createIdentity(seededRandom(1));
    assert.deepEqual(one.publicKey, createIdentity(seededRandom(1)).publicKey);
    assert.notDeepEqual(one.publicKey, createIdentity(seededRandom(2)).publicKey);
  });
});

const never = (): boolean => false;
const claim = (id: string, publicKey = 'k') => ({ role: 'home' as const, id, publicKey, token: undefined });

describe('admission', () => {
  it('survives a restart, and a last line that was cut short', () => {
    using temporary = folder();
    const file = path.join(temporary.dir, 'ids.jsonl');
    const clock = new ManualClock();
    const open = () => new Admission({ self: 'main', store: createFileAdmissionStore(file), clock });
    const before = open();
    const epoch = before.admit(claim('alice.home'));
    before.admit(claim('bob.home'));
    assert.equal(before.forget('home', 'bob.home'), true);
    appendFileSync(file, '{"role":"home","id":"car');
    clock.jumpWall(-1_000_000);
    const after = open();
    assert.ok(after.admit(claim('alice.home')) > epoch, 'the epoch rises although the clock went back');
    assert.equal(after.check(claim('alice.home', 'other'), never, never)?.code, 4403);
    assert.equal(after.check(claim('bob.home', 'other'), never, never), undefined);
  });

  it('forgets the longest unused id when full, never a connected or recent one', async () => {
    const clock = new ManualClock();
    const admission = new Admission({ self: 'main', store: createMemoryAdmissionStore(), clock, maxIds: 2 });
    admission.admit(claim('a'));
    admission.admit(claim('b'));
    assert.equal(admission.check(claim('c'), never, never)?.code, 4429);
    clock.jumpWall(31 * 86_400_000);
    const isConnected = (_role: string, id: string): boolean => id === 'a';
    assert.equal(admission.check(claim('c'), never, isConnected), undefined);
    admission.admit(claim('c'));
    assert.equal(admission.check(claim('a', 'other'), never, never)?.code, 4403);
    assert.equal(admission.check(claim('b', 'other'), never, never)?.code, 4429);
  });
});

describe('the keys of Mains', () => {
  it('are remembered by address', () => {
    using temporary = folder();
    const file = path.join(temporary.dir, 'deep', 'mains.json');
    createFileMainKeys(file).set('relay-a:8080', 'k1');
    assert.equal(createFileMainKeys(file).get('relay-a:8080'), 'k1');
    assert.equal(createFileMainKeys(file).get('relay-b:8080'), undefined);
  });
});
