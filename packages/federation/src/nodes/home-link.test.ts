import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeUtf8, encodeBase64url, encodeUtf8 } from '@relay/protocol';
import { call, failureOf, offer, Scene, send, type TestHome, type TestMain } from './scene.test.ts';

const kinds = (events: readonly { kind: string }[]): string[] => events.map(({ kind }) => kind);

async function connected(scene: Scene): Promise<{ main: TestMain; home: TestHome }> {
  const main = scene.main('relay-a');
  const home = scene.home('alice.home', [main.url]);
  home.manager.offer([offer('shop')]);
  home.manager.start();
  await scene.clock.advance(100);
  assert.equal(home.manager.status().state, 'connected');
  return { main, home };
}

describe('a Home and its Main', () => {
  it('connects, registers, and carries calls both ways', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    assert.deepEqual(kinds(home.events), ['connecting', 'connected']);
    assert.deepEqual(main.events, [{ kind: 'home-connected', id: 'alice.home', services: 1 }]);
    const down = main.manager.home('alice.home');
    const up = home.manager.session;
    assert.ok(down !== undefined && up !== undefined);
    assert.equal(down.instance, home.manager.instance);
    assert.equal(home.manager.status().mainId, 'relay-a');
    const deadline = scene.clock.now() + 1_000;
    const there = send(down, call('echo', { deadline, idempotencyKey: 'k' }));
    const back = send(up, call('fail', { deadline }));
    await scene.clock.advance(50);
    const [result] = there.outcomes;
    assert.ok(result?.kind === 'result');
    assert.equal(decodeUtf8(result.body), '[1]');
    assert.deepEqual(failureOf(back.outcomes[0])?.name, 'application_error');
    const [received] = home.owner.calls;
    assert.deepEqual(received?.path, ['client', 'relay-a']);
    assert.equal(received?.ttl, 9);
    assert.equal(received?.idempotencyKey, 'k');
    assert.ok(
      received !== undefined && received.deadline <= deadline + 1 && received.deadline > deadline - 50,
    );
    assert.deepEqual([down.inFlight, up.serving], [0, 0]);
  });

  it('registers only what changed', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    home.manager.offer([offer('shop'), offer('bank')]);
    await scene.clock.advance(100);
    home.manager.offer([offer('bank')]);
    await scene.clock.advance(100);
    const seen = main.owner.registrations.map(({ seq, base, services, removed, complete }) => [
      seq,
      base,
      services.map(({ name }) => name),
      removed,
      complete,
    ]);
    assert.deepEqual(seen, [
      [1, 0, ['shop'], [], true],
      [2, 1, ['bank'], [], true],
      [3, 2, [], ['shop'], true],
    ]);
  });

  it('cuts a big registration into messages that are answered one by one', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    const big = (name: string) => ({
      ...offer(name),
      methods: [{ ...offer(name).methods[0]!, doc: 'x'.repeat(2_000) }],
    });
    home.manager.offer(Array.from({ length: 60 }, (_, index) => big(`s${index}`)));
    await scene.clock.advance(500);
    const parts = main.owner.registrations.slice(1);
    assert.ok(parts.length >= 2);
    assert.deepEqual(new Set(parts.map(({ seq }) => seq)), new Set([2]));
    assert.deepEqual(
      parts.map(({ complete }) => complete),
      [...parts.slice(1).map(() => false), true],
    );
    assert.equal(main.owner.serviceCount('alice.home'), 60);
  });

  it('resumes after a broken link without registering again', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    scene.network.cut('alice.home', 'relay-a');
    await scene.clock.advance(5_000);
    assert.equal(home.manager.status().state, 'connected');
    assert.equal(main.owner.registrations.length, 1);
    assert.deepEqual(
      main.owner.opened.map(({ resumed }) => resumed),
      [false, true],
    );
    assert.ok(kinds(home.events).includes('lost'));
    const [older, newer] = main.owner.opened.map(({ session }) => session.epoch);
    assert.ok(older !== undefined && newer !== undefined && newer > older);
  });

  it('sends everything again to a Main that has forgotten', async () => {
    const scene = new Scene();
    const { home } = await connected(scene);
    scene.network.crash('relay-a');
    scene.network.restart('relay-a');
    const main = scene.main('relay-a');
    await scene.clock.advance(10_000);
    assert.equal(home.manager.status().state, 'connected');
    assert.deepEqual(
      main.owner.opened.map(({ resumed }) => resumed),
      [false],
    );
    assert.equal(main.owner.serviceCount('alice.home'), 1);
  });

  it('ends calls at once when the link breaks, and says whether they may have run', async () => {
    const scene = new Scene();
    const { main } = await connected(scene);
    const session = main.manager.home('alice.home')!;
    const deadline = scene.clock.now() + 60_000;
    const written = send(session, call('silent', { deadline }));
    await scene.clock.advance(50);
    const unwritten = send(session, call('silent', { deadline }));
    session.terminate();
    assert.deepEqual(failureOf(written.outcomes[0]), {
      name: 'home_disconnected',
      executed: 'unknown',
      at: 'relay-a',
    });
    assert.deepEqual(failureOf(unwritten.outcomes[0]), {
      name: 'home_disconnected',
      executed: 'no',
      at: 'relay-a',
    });
    const late = send(session, call('silent', { deadline }));
    assert.deepEqual(failureOf(late.outcomes[0])?.executed, 'no');
  });

  it('ends a call at its deadline and tells the other side', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    const session = main.manager.home('alice.home')!;
    const { outcomes } = send(session, call('silent', { deadline: scene.clock.now() + 500 }));
    await scene.clock.advance(700);
    assert.deepEqual(failureOf(outcomes[0]), { name: 'timeout', executed: 'unknown', at: 'relay-a' });
    assert.deepEqual(home.owner.cancels, ['abandon']);
    assert.equal(home.manager.session?.serving, 0);
    const past = send(session, call('echo', { deadline: scene.clock.now() - 1 }));
    assert.deepEqual(failureOf(past.outcomes[0]), { name: 'timeout', executed: 'no', at: 'relay-a' });
  });

  it('cancels, and drops an outcome that comes late', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    const late: (() => void)[] = [];
    home.owner.answer = (request, settle) =>
      late.push(() => settle({ kind: 'result', body: request.params }));
    const { outcomes, cancel } = send(main.manager.home('alice.home')!, call('echo', { deadline: 60_000 }));
    await scene.clock.advance(50);
    cancel('kill');
    cancel('kill');
    await scene.clock.advance(50);
    assert.deepEqual(home.owner.cancels, ['kill']);
    late[0]?.();
    await scene.clock.advance(50);
    assert.deepEqual(outcomes, []);
  });

  it('carries bodies of megabytes while small calls pass them', async () => {
    const scene = new Scene(1, { delayMs: [1, 1], bytesPerMs: 10_000 });
    const { main, home } = await connected(scene);
    const session = main.manager.home('alice.home')!;
    const params = encodeUtf8(`"${'x'.repeat(10_000_000)}"`);
    const deadline = scene.clock.now() + 60_000;
    const big = send(session, call('echo', { deadline, params }));
    await scene.clock.advance(100);
    assert.equal(big.outcomes.length, 0);
    const small = send(session, call('echo', { deadline }));
    await scene.clock.advance(100);
    assert.equal(small.outcomes.length, 1);
    assert.equal(big.outcomes.length, 0);
    await scene.clock.runUntil(() => big.outcomes.length > 0);
    const [result] = big.outcomes;
    assert.ok(result?.kind === 'result');
    assert.equal(Buffer.compare(result.body, params), 0);
    assert.equal(session.isOpen && home.manager.session?.isOpen, true);
  });

  it('refuses bodies over the limit, in both directions', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    const session = main.manager.home('alice.home')!;
    const huge = new Uint8Array(16_777_217).fill(0x20);
    const deadline = scene.clock.now() + 60_000;
    const sent = send(session, call('echo', { deadline, params: huge }));
    assert.deepEqual(failureOf(sent.outcomes[0]), {
      name: 'payload_too_large',
      executed: 'no',
      at: 'relay-a',
    });
    home.owner.answer = (_call, settle) => settle({ kind: 'result', body: huge });
    const got = send(session, call('echo', { deadline }));
    await scene.clock.advance(100);
    assert.deepEqual(failureOf(got.outcomes[0]), {
      name: 'payload_too_large',
      executed: 'yes',
      at: 'alice.home',
    });
  });

  it('refuses new calls while the link is congested', async () => {
    const scene = new Scene();
    const { main } = await connected(scene);
    const session = main.manager.home('alice.home')!;
    scene.network.partition('relay-a', 'alice.home');
    const deadline = scene.clock.now() + 600_000;
    const params = encodeUtf8(`"${'x'.repeat(60_000)}"`);
    const refused: unknown[] = [];
    for (let index = 0; index < 30; index += 1)
      refused.push(failureOf(send(session, call('echo', { deadline, params })).outcomes[0])?.name);
    assert.equal(refused[0], undefined);
    assert.equal(refused.at(-1), 'overloaded');
    assert.equal(session.isCongested, true);
  });

  it('drops a link that is silent, and comes back when the network does', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    await scene.clock.advance(60_000);
    assert.ok(home.manager.session!.latencyMs !== undefined);
    assert.equal(home.owner.closed.length + main.owner.closed.length, 0);
    scene.network.partition('relay-a', 'alice.home');
    await scene.clock.advance(70_000);
    assert.equal(main.manager.home('alice.home'), undefined);
    assert.match(main.owner.closed[0]!.reason.reason, /nothing received for 4\d s/);
    assert.notEqual(home.manager.status().state, 'connected');
    scene.network.heal();
    await scene.clock.advance(90_000);
    assert.equal(home.manager.status().state, 'connected');
    assert.ok(main.manager.home('alice.home') !== undefined);
  });

  it('redials with jitter, says each failure, and goes to the next address after two', async () => {
    const scene = new Scene();
    const other = scene.main('relay-b');
    const home = scene.home('alice.home', ['ws://relay-a:8080/ws/federation', other.url]);
    scene.network.host('relay-a');
    home.manager.start();
    await scene.clock.advance(10_000);
    assert.equal(home.manager.status().mainId, 'relay-b');
    const failures = home.events.filter((event) => event.kind === 'dial-failed');
    assert.deepEqual(
      failures.map(({ attempt }) => attempt),
      [1, 2],
    );
    assert.ok(failures.every(({ retryMs }) => retryMs < 2_000));
  });

  it('refuses a Main whose key has changed', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a', { identity: scene.identity('an impostor') });
    const mainKeys = new Map([['relay-a:8080', encodeBase64url(scene.identity('relay-a').publicKey)]]);
    const home = scene.home('alice.home', [main.url], { mainKeys });
    home.manager.start();
    await scene.clock.advance(200_000);
    const status = home.manager.status();
    assert.equal(status.state, 'refused');
    assert.match(status.lastError ?? '', /key of relay-a changed/);
    assert.deepEqual(kinds(home.events), ['connecting', 'refused']);
  });

  it('unregisters before it stops', async () => {
    const scene = new Scene();
    const { main, home } = await connected(scene);
    const stopped = home.manager.stop({ drain: true });
    await scene.clock.advance(1_000);
    await stopped;
    assert.equal(main.owner.serviceCount('alice.home'), 0);
    assert.equal(main.owner.closed[0]?.reason.code, 1000);
    await scene.clock.advance(100_000);
    assert.equal(home.events.filter(({ kind }) => kind === 'connecting').length, 1);
  });

  it('stops within seconds, also if its Main is out of reach and nobody has noticed yet', async () => {
    const scene = new Scene();
    const { home } = await connected(scene);
    scene.network.partition('relay-a', 'alice.home');
    let isStopped = false;
    // As a Home does, which cuts what is left of its calls in between.
    const stopped = home.manager.retire().then(() => home.manager.stop({ drain: true }));
    void stopped.then(() => {
      isStopped = true;
    });
    await scene.clock.advance(3_100);
    assert.equal(isStopped, true);
    // The link itself gets 5 s to answer its close frame.
    await scene.clock.advance(5_000);
    assert.equal(home.owner.closed.length, 1);
  });

  it('leaves a call that lasts longer than the drain to the Main that leaves, which says what became of it', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const other = scene.main('relay-b');
    const home = scene.home('alice.home', [main.url, other.url]);
    home.manager.start();
    await scene.clock.advance(100);
    const { outcomes } = send(
      main.manager.home('alice.home')!,
      call('silent', { deadline: scene.clock.now() + 60_000 }),
    );
    const drained = main.manager.drain(30_000);
    await scene.clock.advance(29_000);
    assert.equal(home.manager.status().mainId, 'relay-b');
    assert.equal(main.manager.home('alice.home')?.isOpen, true, 'the Home has not cut it');
    assert.deepEqual(outcomes, []);
    await scene.clock.advance(2_000);
    await drained;
    await main.manager.stop();
    await scene.clock.advance(100);
    assert.equal(home.owner.closed.at(-1)?.reason.code, 1012);
  });

  it('moves to another Main when its own drains, with its calls', async () => {
    const scene = new Scene();
    const main = scene.main('relay-a');
    const other = scene.main('relay-b');
    const home = scene.home('alice.home', [main.url, other.url]);
    home.manager.start();
    await scene.clock.advance(100);
    const late: (() => void)[] = [];
    home.owner.answer = (request, settle) =>
      late.push(() => settle({ kind: 'result', body: request.params }));
    const { outcomes } = send(
      main.manager.home('alice.home')!,
      call('echo', { deadline: scene.clock.now() + 60_000 }),
    );
    const drained = main.manager.drain(15_000);
    await scene.clock.advance(2_000);
    assert.equal(home.manager.status().mainId, 'relay-b');
    assert.ok(main.manager.home('alice.home') !== undefined);
    late[0]?.();
    await scene.clock.advance(500);
    assert.equal(outcomes[0]?.kind, 'result');
    await drained;
    assert.equal(main.owner.closed[0]?.reason.code, 1000);
  });
});
