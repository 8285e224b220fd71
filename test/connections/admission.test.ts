// Who may join a Main, with real processes: join tokens, remembered keys, and how a lost key is replaced on either side.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Machine, rpc, untilAnswers } from './nodes.ts';

const TOKEN = /^rlj_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/;

describe('a Main Relay with -admission invite', () => {
  it('lets exactly one of two Homes in that show one token, and that one again without it', async () => {
    await using machine = new Machine();
    const { url, port } = await machine.main('relay-a', '-admission invite');
    const { code, out: token, err } = await machine.command('invite', 'relay-a');
    assert.equal(code, 0);
    assert.match(token, TOKEN);
    assert.match(err, /^Lets one Home Relay join relay-a until /);
    const stored = readFileSync(path.join(machine.dir, 'relay-a', 'relay-a', 'invites.db'), 'latin1');
    assert.ok(!stored.includes(token.split('_').slice(2).join('_')), 'the secret is stored nowhere');
    assert.equal(statSync(path.join(machine.dir, 'relay-a', 'relay-a', 'invites.db')).mode & 0o777, 0o600);

    const home = (id: string, env: Record<string, string>) =>
      machine.relay(`shop.rl -node-id ${id} -connect 127.0.0.1:${port}`, id, env);
    const racers = ['one.home', 'two.home'].map((id) => home(id, { RELAY_TOKEN: token }));
    await untilAnswers(url, 'shop_service.get_products');
    const loser = await Promise.race(racers.map(async (racer) => ({ racer, exit: await racer.exited })));
    assert.equal(loser.exit.code, 3);
    const [reason] = await loser.racer.waitForLine(/^.*refused by every Main Relay: .*$/);
    assert.match(reason, /token: not a valid invitation for this role/);

    const winner = racers.find((racer) => racer !== loser.racer)!;
    const id = racers.indexOf(winner) === 0 ? 'one.home' : 'two.home';
    await winner.waitForLine(/^Connected to Main Relay relay-a/);
    assert.equal((await winner.stop()).code, 0);
    const again = home(id, {});
    await again.waitForLine(/^Connected to Main Relay relay-a/);

    const peerToken = (await machine.command('invite --role main --ttl 10m', 'relay-a')).out;
    const wrongRole = home('four.home', { RELAY_TOKEN: peerToken });
    assert.equal((await wrongRole.exited).code, 3);
  });
});

describe('a lost key', () => {
  it('of a Home is forgotten by its Main while that runs', async () => {
    await using machine = new Machine();
    const { port } = await machine.main('relay-a');
    const join = () =>
      machine.relay(`-node-type home -node-id alice.home -connect 127.0.0.1:${port}`, 'alice');
    const first = join();
    await first.waitForLine(/^Connected to Main Relay relay-a/);
    await first.stop();
    rmSync(path.join(machine.dir, 'alice'), { recursive: true });
    const lost = join();
    await lost.waitForLine(/refused by every Main Relay: not admitted: alice\.home belongs to another key/);
    assert.equal((await lost.exited).code, 3);
    const unknown = await machine.command('forget bob.home', 'relay-a');
    assert.deepEqual([unknown.code, unknown.err], [1, 'Error: relay-a remembers no key of home bob.home']);
    assert.equal((await machine.command('forget alice.home', 'relay-a')).code, 0);
    await join().waitForLine(/^Connected to Main Relay relay-a/);
  });

  it('ends the session that stands under its id, and what it registered goes at once', async () => {
    await using machine = new Machine();
    const { node: main, port, url } = await machine.main('relay-a');
    const join = (dataDir: string) =>
      machine.relay(`shop.rl -node-id alice.home -connect 127.0.0.1:${port}`, dataDir);
    const stolen = join('thief');
    await untilAnswers(url, 'shop_service.get_products');
    assert.equal((await machine.command('forget alice.home', 'relay-a')).code, 0);
    await main.waitForLine(/^Home Relay alice\.home disconnected$/);
    await stolen.waitForLine(
      /refused by every Main Relay: not admitted: the key of alice\.home was forgotten here/,
    );
    assert.equal((await stolen.exited).code, 3);
    const gone = await rpc(url, 'shop_service.get_products', []);
    assert.equal(gone.error?.data?.['code'], 'service_not_found', 'and not home_disconnected for its lease');
    await join('alice').waitForLine(/^Connected to Main Relay relay-a/);
    await untilAnswers(url, 'shop_service.get_products');
    const again = join('thief');
    await again.waitForLine(/refused by every Main Relay: not admitted: alice\.home belongs to another key/);
  });

  it('of a Main is refused by its Home until it is told to forget', async () => {
    await using machine = new Machine();
    const { node: main, port } = await machine.main('relay-a');
    const join = () =>
      machine.relay(`-node-type home -node-id alice.home -connect 127.0.0.1:${port}`, 'alice');
    const first = join();
    await first.waitForLine(/^Connected to Main Relay relay-a/);
    await first.stop();
    await main.stop();
    rmSync(path.join(machine.dir, 'relay-a'), { recursive: true });
    const other = machine.relay(`-server -node-type main -node-id relay-a -port ${port}`, 'relay-a');
    await other.waitForLine(/^Press Ctrl\+C to stop$/);
    const refusing = join();
    const [, command = ''] = await refusing.waitForLine(
      /refused by every Main Relay: key of relay-a changed; 'relay (forget-main [^']+)' accepts the new one/,
    );
    assert.equal((await refusing.exited).code, 3);
    const told = await machine.command(command, 'alice');
    assert.deepEqual(
      [told.code, told.out],
      [0, `alice.home accepts the next key it finds at 127.0.0.1:${port}`],
    );
    const again = join();
    await again.waitForLine(/^Connected to Main Relay relay-a/);
  });
});
