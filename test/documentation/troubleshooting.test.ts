// docs/troubleshooting.md: every entry is provoked at real nodes, what they print is compared with the page, and its steps are followed.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { Bench, type Entry, lineOf, readEntries } from './troubleshooting-page.ts';

const DESK = `
config { limits: { mailbox: 1 } }
server desk {
    state { notes: [string] = [] }
    receive fn note(text: string) -> number { state.set("notes", state.notes.push(text)).length }
    receive fn get_notes() { state.notes }
    receive fn echo(value) { value }
    receive fn half(n: number) -> number { 10 / n }
    receive fn slow() -> number { set sum = 0; for n in range(1, 300000) { set sum = sum + n }; sum }
    receive fn spin() { while true { } }
}
`;
const MAIN = './relay -server -node-type main -node-id relay-a -port 8080';
const HOME = './relay desk.rl -node-id alice.home -connect ws://127.0.0.1:8080';
const AT = '--main http://127.0.0.1:8080';

const entries = readEntries();
const tested = new Set<string>();

function entryTest(title: string, run: (entry: Entry) => Promise<void>): void {
  tested.add(title);
  it(title, { timeout: 100_000 }, () => {
    const entry = entries.get(title);
    assert.ok(entry !== undefined, 'the page has no such entry');
    return run(entry);
  });
}

async function bench(): Promise<Bench> {
  const made = await Bench.create();
  made.write('desk.rl', DESK);
  return made;
}

describe('starting a node', () => {
  entryTest('The port is in use', async (entry) => {
    await using at = await bench();
    await at.main8080();
    const code = await at.sees(
      { ...entry, seen: `…\n${entry.seen}` },
      './relay -server -node-id relay-b -port 8080',
      'relay-b',
    );
    assert.equal(code, 1);
    await at.main8080(lineOf(entry, '-port 0'), 'relay-b');
  });

  entryTest('The node is already running here', async (entry) => {
    await using at = await bench();
    await at.main8080();
    assert.equal(await at.sees(entry, `${MAIN.replace('8080', '8081')}`, 'relay-a'), 1);
    await at.main8080(lineOf(entry, 'relay-b'), 'relay-a');
  });

  entryTest('The data directory cannot be written', async (entry) => {
    await using at = await bench();
    await at.main8080();
    at.write('no-folder', '');
    assert.equal(await at.sees(entry, HOME, 'no-folder'), 1);
    await at.joined(lineOf(entry, 'RELAY_DATA_DIR'), 'no-folder');
  });

  entryTest('Flags do not go together', async (entry) => {
    await using at = await bench();
    assert.equal(await at.sees(entry, `${HOME} -peers ws://127.0.0.1:8081`, 'alice'), 2);
    await at.main8080(MAIN.replace('8080', '8081'));
    await at.joined(lineOf(entry, '-fallback'), 'alice');
  });

  entryTest('The state is damaged', async (entry) => {
    await using at = await bench();
    await at.main8080();
    const home = await at.joined(HOME, 'alice');
    assert.equal((await at.type(`./relay call desk.note '["kept"]' ${AT}`, 'x')).output, '1');
    await home.stop();
    const file = path.join(at.dir, 'alice/alice.home/state.db');
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4_096, 4_200);
    writeFileSync(file, bytes);
    assert.equal(await at.sees(entry, HOME, 'alice'), 1);
    assert.equal((await at.type(lineOf(entry, 'reset'), 'alice')).code, 0);
    await at.joined(HOME, 'alice');
    assert.equal((await at.type(`./relay call desk.get_notes ${AT}`, 'x')).output, '[]');
  });

  entryTest('A stored value does not fit the program any more', async (entry) => {
    await using at = await bench();
    await at.main8080();
    const home = await at.joined(HOME, 'alice');
    await at.type(`./relay call desk.note '["kept"]' ${AT}`, 'x');
    await home.stop();
    at.write(
      'desk.rl',
      'server desk { state { notes: {string: string} = {} } receive fn all() { state.notes } }\n',
    );
    assert.equal(await at.sees(entry, HOME, 'alice'), 1);
    assert.equal((await at.type(lineOf(entry, 'export'), 'alice')).code, 0);
    const file = path.join(at.dir, 'state.json');
    const text = readFileSync(file, 'utf8');
    const changed = text.replace(/\[\s*"kept"\s*\]/, '{"first": "kept"}');
    assert.notEqual(changed, text);
    writeFileSync(file, changed);
    assert.equal((await at.type(lineOf(entry, 'import'), 'alice')).code, 0);
    await at.joined(HOME, 'alice');
    assert.equal((await at.type(`./relay call desk.all ${AT}`, 'x')).output, '{"first":"kept"}');
  });
});

describe('joining a federation', () => {
  /** The start of a node that goes on trying, once it has said what the entry shows. */
  async function trying(at: Bench, entry: Entry, line: string, dataDir: string): Promise<StartedProcess> {
    const node = at.start(line, dataDir);
    await node.waitForLine(/^(?:Failed to connect|peer .* refused|warning: peers)/);
    at.shows({ ...entry, seen: `${entry.seen.trimEnd().replace(/\n…$/, '')}\n…\n` }, node.stdout.join('\n'));
    return node;
  }

  entryTest('The Main cannot be reached', async (entry) => {
    await using at = await bench();
    const home = await trying(at, entry, HOME, 'alice');
    await at.main8080(lineOf(entry, '-server'));
    await home.waitForLine(/^Connected to Main Relay relay-a/);
  });

  entryTest('TLS at a port without TLS', async (entry) => {
    await using at = await bench();
    await at.main8080();
    await using wrong = await trying(at, entry, HOME.replace('ws:', 'wss:'), 'alice');
    await wrong.stop();
    await at.joined(lineOf(entry, 'ws://'), 'alice');
  });

  entryTest('The path is wrong', async (entry) => {
    await using at = await bench();
    await at.main8080();
    await using wrong = await trying(at, entry, `${HOME}/relay`, 'alice');
    await wrong.stop();
    await at.joined(lineOf(entry, 'ws://'), 'alice');
  });

  entryTest('An invitation is needed', async (entry) => {
    await using at = await bench();
    await at.main8080(`${MAIN} -admission invite`);
    assert.equal(await at.sees(entry, HOME, 'alice'), 3);
    const invited = await at.type(lineOf(entry, 'invite'), 'relay-a');
    const token = /rlj_\S+/.exec(invited.output)?.[0] ?? '';
    await at.joined(lineOf(entry, 'RELAY_TOKEN').replace('rlj_…', token), 'alice');
  });

  entryTest('The invitation is used up or too old', async (entry) => {
    await using at = await bench();
    await at.main8080(`${MAIN} -admission invite`);
    const invite = async (line: string): Promise<string> =>
      /rlj_\S+/.exec((await at.type(line, 'relay-a')).output)?.[0] ?? '';
    const used = await invite('./relay invite');
    const first = await at.joined(HOME, 'alice', { RELAY_TOKEN: used });
    const bob = HOME.replace('alice', 'bob');
    assert.equal(await at.sees(entry, bob, 'bob', { RELAY_TOKEN: used }), 3);
    const late = await invite('./relay invite --ttl 1s');
    // One second of the Main's clock.
    await waitFor(() => false, { limitMs: 1_100 }).catch(() => {});
    assert.equal(await at.sees(entry, bob, 'bob', { RELAY_TOKEN: late }), 3);
    await at.joined(bob, 'bob', { RELAY_TOKEN: await invite(lineOf(entry, 'invite')) });
    await first.stop();
    await at.joined(HOME, 'alice');
  });

  entryTest('The id belongs to another key', async (entry) => {
    await using at = await bench();
    await at.main8080();
    const home = await at.joined(HOME, 'alice');
    await home.stop();
    assert.equal(await at.sees(entry, HOME, 'elsewhere'), 3);
    assert.equal((await at.type(lineOf(entry, 'forget'), 'relay-a')).code, 0);
    await at.joined(HOME, 'elsewhere');
  });

  entryTest('The Main shows another key', async (entry) => {
    await using at = await bench();
    const main = await at.main8080();
    const home = await at.joined(HOME, 'alice');
    await home.stop();
    await main.stop();
    rmSync(path.join(at.dir, 'relay-a'), { recursive: true });
    await at.main8080();
    assert.equal(await at.sees(entry, HOME, 'alice'), 3);
    assert.equal((await at.type(lineOf(entry, 'forget-main'), 'alice')).code, 0);
    await at.joined(HOME, 'alice');
  });

  entryTest('A peer refuses', async (entry) => {
    await using at = await bench();
    await at.main8080(`${MAIN} -admission invite`);
    const peer = './relay -server -node-type main -node-id relay-b -port 0 -peers ws://127.0.0.1:8080';
    const refused = await trying(at, entry, peer, 'relay-b');
    await refused.stop();
    const token = /rlj_\S+/.exec((await at.type(lineOf(entry, 'invite'), 'relay-a')).output)?.[0] ?? '';
    await at.start(peer, 'relay-b', { RELAY_TOKEN: token }).waitForLine(/^Connected to peer relay-a/);
  });

  entryTest('A DNS name leads to no peers', async (entry) => {
    await using at = await bench();
    await at.main8080();
    const peer = './relay -server -node-type main -node-id relay-b -port 0 -peers dns://relays.invalid';
    const lost = await trying(at, entry, peer, 'relay-b');
    await lost.stop();
    await at.start(lineOf(entry, 'RELAY_RESOLVE'), 'relay-b').waitForLine(/^Connected to peer relay-a/);
  });
});

describe('calling', () => {
  let at: Bench;
  let home: StartedProcess;
  const call = (line: string, env: Record<string, string> = {}) => at.type(`./relay call ${line}`, 'x', env);

  /** The Home of these entries, once calls reach it. */
  async function startHome(line = HOME): Promise<void> {
    home = await at.joined(line, 'alice');
    await waitFor(async () => (await call(`desk.echo '[1]' ${AT}`)).code === 0, { limitMs: 20_000 });
  }

  before(async () => {
    at = await bench();
    await at.main8080();
  });
  after(() => at[Symbol.asyncDispose]());

  entryTest('The node cannot be asked', async (entry) => {
    const elsewhere = { ...entry, seen: entry.seen.replaceAll('8080', '8081') };
    assert.equal(await at.sees(elsewhere, lineOf(entry, 'status'), 'x'), 4);
    const main = await at.main8080(MAIN.replace('relay-a', 'relay-s').replace('8080', '8081'), 'relay-s');
    assert.equal((await at.type(lineOf(entry, 'status'), 'x')).code, 0);
    await main.stop();
  });

  entryTest('The service is not known', async (entry) => {
    assert.equal(await at.sees(entry, `./relay call desk.echo '[1]' ${AT}`, 'x'), 1);
    assert.equal((await at.type(lineOf(entry, 'status'), 'x')).code, 0);
    await startHome(lineOf(entry, '-connect'));
  });

  entryTest('The method or its arguments are wrong', async (entry) => {
    assert.equal(await at.sees(entry, `./relay call desk.echo '[1, 2]' ${AT}`, 'x'), 1);
    assert.match((await at.type(lineOf(entry, 'rpc.discover'), 'x')).output, /"desk\.echo"/);
  });

  entryTest('The circuit is open', async (entry) => {
    for (let count = 0; count < 5; count += 1) await call(`desk.half '[0]' ${AT}`);
    assert.equal(await at.sees(entry, `./relay call desk.half '[0]' ${AT}`, 'x'), 1);
    assert.match((await at.type(`${lineOf(entry, 'circuits --main')}`, 'x')).output, /^desk .* half +open/m);
    assert.equal((await at.type(lineOf(entry, 'reset'), 'x')).code, 0);
    assert.equal((await call(`desk.half '[2]' ${AT}`)).output, '5');
  });

  entryTest('A method uses up its budget', async (entry) => {
    assert.equal(await at.sees(entry, `./relay call desk.spin ${AT}`, 'x'), 1);
  });

  entryTest('The node is overloaded', async (entry) => {
    const url = at.here('http://127.0.0.1:8080/rpc');
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'desk.slow', id: 1 });
    const ask = async (): Promise<string> => (await fetch(url, { method: 'POST', body })).text();
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    const refused = answers.find((answer) => answer.includes('"overloaded"'));
    assert.ok(refused !== undefined, answers.join());
    at.shows(entry, refused);
    const wait = (JSON.parse(refused) as { error: { data: { retry_after_ms: number } } }).error.data;
    assert.ok(wait.retry_after_ms >= 0);
    assert.match(await ask(), /"result":/);
  });

  entryTest('What is sent is too large', async (entry) => {
    at.write('big.json', JSON.stringify(['x'.repeat(300_000)]));
    assert.equal(await at.sees(entry, `./relay call desk.echo - ${AT} <big.json`, 'x'), 1);
    at.write('small.json', JSON.stringify(['x'.repeat(200_000)]));
    assert.equal((await call(`desk.echo - ${AT} <small.json`)).code, 0);
  });

  entryTest('A call takes too long', async (entry) => {
    home.kill('SIGSTOP');
    try {
      assert.equal(await at.sees(entry, `./relay call desk.echo '[1]' --timeout 1 ${AT}`, 'x'), 1);
    } finally {
      home.kill('SIGCONT');
    }
    const line = lineOf(entry, '--idempotency-key');
    assert.match((await at.type(line, 'x')).output, /^1$/m);
    assert.match((await at.type(line, 'x')).output, /^1$/m);
  });

  entryTest('The node id is ambiguous', async (entry) => {
    const main = (id: string, port: string, peers: string) =>
      at.main8080(`./relay -server -node-type main -node-id ${id} -port ${port} -peers ${peers}`, id);
    await main('relay-b', '8081', 'ws://127.0.0.1:8080');
    await at.joined(HOME.replace('8080', '8081'), 'other-alice');
    await main('relay-c', '8082', 'ws://127.0.0.1:8080,ws://127.0.0.1:8081');
    const ask = () => call(`desk.echo '[1]' --node alice.home --main http://127.0.0.1:8082`);
    await waitFor(async () => (await ask()).output.includes('node_ambiguous'), { limitMs: 20_000 });
    at.shows(entry, (await ask()).output);
    assert.equal((await at.type(lineOf(entry, '@relay-a'), 'x')).output, '1');
  });

  entryTest('The Home is away', async (entry) => {
    home.kill('SIGKILL');
    await home.exited;
    const ask = () => call(`desk.echo '[1]' --node alice.home@relay-a ${AT}`);
    await waitFor(async () => (await ask()).output.includes('home_disconnected'), { limitMs: 20_000 });
    at.shows(entry, (await ask()).output);
    await at.joined(lineOf(entry, '-connect'), 'alice');
    await waitFor(async () => (await ask()).output === '1', { limitMs: 20_000 });
  });

  entryTest('A token is required', async (entry) => {
    await using guarded = await bench();
    await guarded.main8080(MAIN, 'relay-a', { RELAY_API_TOKEN: 'secret' });
    assert.equal(await guarded.sees(entry, `./relay call desk.echo '[1]' ${AT}`, 'x'), 1);
    await guarded.joined(HOME, 'alice');
    await waitFor(async () => (await guarded.type(lineOf(entry, 'RELAY_API_TOKEN'), 'x')).output === '1');
  });
});

it('every entry has its test', () => {
  assert.deepEqual([...entries.keys()].toSorted(), [...tested].toSorted());
  assert.ok(tested.size >= 12);
});
