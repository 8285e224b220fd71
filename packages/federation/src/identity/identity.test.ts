import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ManualClock, seededRandom } from '@relay/testkit';
import { Admission, type AdmissionMode } from './admission.ts';
import {
  type AdmissionRecord,
  createFileAdmissionStore,
  createMemoryAdmissionStore,
  type OwnerRole,
} from './admission-store.ts';
import { openInvites } from './invites.ts';
import { createIdentity, loadOrCreateIdentity, verifySignature } from './keys.ts';
import { createFileMainKeys, forgetMainKey } from './main-keys.ts';
import { isSameSecret } from './same-secret.ts';

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

describe('admission by invitation', () => {
  const HOUR = 3_600_000;

  function opened(dir: string, mode: AdmissionMode) {
    const clock = new ManualClock();
    const invites = openInvites(dir);
    const records = new Map<string, AdmissionRecord>();
    const store = createMemoryAdmissionStore(records);
    const admission = new Admission({ self: 'main', mode, store, clock, invites });
    return { clock, invites, admission, [Symbol.dispose]: () => invites[Symbol.dispose]() };
  }
  const withToken = (id: string, token: string, role: OwnerRole = 'home') => ({
    role,
    id,
    publicKey: id,
    token,
  });

  it('uses a token up for one key, which needs none from then on', () => {
    using temporary = folder();
    using open = opened(temporary.dir, 'invite');
    const { admission, clock } = open;
    // As `relay invite` does: another connection to the same file.
    using beside = openInvites(temporary.dir);
    const token = beside.create('home', clock.wallNow() + HOUR, clock.wallNow());
    const first = withToken('a', token);
    const second = withToken('b', token);
    // Both pass the check before either has entered: the token still lets in one.
    assert.equal(admission.check(first, never, never), undefined);
    assert.equal(admission.check(second, never, never), undefined);
    assert.ok('epoch' in admission.enter(first));
    const late = admission.enter(second);
    assert.deepEqual('code' in late ? late.code : late, 4401);
    assert.ok('epoch' in admission.enter({ ...first, token: undefined }));
    assert.equal(admission.check(second, never, never)?.code, 4401);
  });

  it('says the same of a token that is unknown, wrong, used, expired, or for another role', () => {
    using temporary = folder();
    using open = opened(temporary.dir, 'invite');
    const { admission, clock, invites } = open;
    const create = (role: OwnerRole, ttlMs: number) =>
      invites.create(role, clock.wallNow() + ttlMs, clock.wallNow());
    const used = create('home', HOUR);
    admission.enter(withToken('a', used));
    const good = create('home', HOUR);
    const [, id = ''] = good.split('_');
    const refusals = [
      'x'.repeat(5_000),
      `rlj_${'0'.repeat(16)}_${'A'.repeat(43)}`,
      `rlj_${id}_${'A'.repeat(43)}`,
      used,
      create('home', -1),
      create('main', HOUR),
    ].map((token) => admission.check(withToken('b', token), never, never));
    assert.deepEqual(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size, 1);
    assert.equal(refusals[0]?.code, 4401);
    assert.equal(admission.check(withToken('b', good), never, never), undefined, 'and lets the right one in');
    assert.equal(admission.check(claim('b'), never, never)?.code, 4403, 'none at all is not admitted');
  });

  it('forgets a key that a command beside it names, once, in every mode', () => {
    for (const mode of ['open', 'invite', 'closed'] as const) {
      using temporary = folder();
      using open = opened(temporary.dir, mode);
      const { admission } = open;
      admission.admit(claim('alice.home'));
      assert.equal(admission.check(claim('alice.home', 'new'), never, never)?.code, 4403);
      using beside = openInvites(temporary.dir);
      beside.requestForget('home', 'alice.home');
      assert.deepEqual(admission.takeForgotten(), [{ role: 'home', id: 'alice.home' }]);
      assert.deepEqual(admission.takeForgotten(), []);
      const now = admission.check(claim('alice.home', 'new'), never, never)?.code;
      assert.equal(now, mode === 'open' ? undefined : 4403, mode);
      // Its old key is a stranger's too.
      const old = admission.check(claim('alice.home'), never, never)?.code;
      assert.equal(old, mode === 'open' ? undefined : 4403, mode);
      admission.admit(claim('alice.home', 'new'));
      assert.equal(admission.check(claim('alice.home'), never, never)?.code, 4403, 'once');
    }
  });

  it('compares secrets whatever their lengths', () => {
    assert.equal(isSameSecret('abc', 'abc'), true);
    for (const wrong of [undefined, '', 'ab', 'abd', 'abcd']) assert.equal(isSameSecret(wrong, 'abc'), false);
    assert.equal(isSameSecret(undefined, ''), false);
  });
});

describe('the keys of Mains', () => {
  it('can be forgotten while the Home runs', () => {
    using temporary = folder();
    const file = path.join(temporary.dir, 'mains.json');
    const running = createFileMainKeys(file);
    running.set('relay-a:8080', 'k1');
    assert.equal(forgetMainKey(file, 'relay-b:8080'), false);
    assert.equal(forgetMainKey(file, 'relay-a:8080'), true);
    assert.equal(running.get('relay-a:8080'), undefined);
  });

  it('are remembered by address', () => {
    using temporary = folder();
    const file = path.join(temporary.dir, 'deep', 'mains.json');
    createFileMainKeys(file).set('relay-a:8080', 'k1');
    assert.equal(createFileMainKeys(file).get('relay-a:8080'), 'k1');
    assert.equal(createFileMainKeys(file).get('relay-b:8080'), undefined);
  });
});
