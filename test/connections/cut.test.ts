// What callers learn of calls that outlast the end of a node, with real processes: cli.md §9, http-api.md §7.2 (`shutting_down`).
// A Home that is stopped in its tracks (SIGSTOP) never answers, so whoever waits for it waits as long as a node lets it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { type Answer, Machine, rpc, untilAnswers } from './nodes.ts';

const MUTE = 'server mute {\n  receive fn nap() { "awake" }\n}\n';
/** One message at a time: the first waits for `mute`, the others wait for the first. */
const DESK = 'server desk {\n  receive fn ask() { send "mute" nap {} }\n  receive fn ready() { true }\n}\n';

async function join(machine: Machine, port: string, id: string, text: string): Promise<StartedProcess> {
  const file = path.join(machine.dir, `${id}.rl`);
  writeFileSync(file, text);
  const home = machine.relay(`${file} -node-id ${id} -connect 127.0.0.1:${port}`, id);
  await home.waitForLine(/^Connected to Main Relay/);
  return home;
}

async function inFlight(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/federation/health`)).json()) as {
    readonly calls: { readonly in_flight: number };
  };
  return health.calls.in_flight;
}

/** `shutting_down executed: unknown at alice.home`. */
function told({ error, result }: Answer): string {
  const { code, executed, at } = error?.data ?? {};
  return error === undefined ? `result ${JSON.stringify(result)}` : `${code} executed: ${executed} at ${at}`;
}

function cutLines(node: StartedProcess): readonly string[] {
  return node.stderr.filter((line) => line.includes('call cut by the shutdown'));
}

describe('calls that outlast the end of a node', { concurrency: true }, () => {
  it('at a Home: what ran is unknown, what waited in the mailbox certainly did not run', async () => {
    await using machine = new Machine();
    const { url, port } = await machine.main('relay-a');
    const mute = await join(machine, port, 'mute.home', MUTE);
    const alice = await join(machine, port, 'alice.home', DESK);
    await untilAnswers(url, 'desk.ready');
    await untilAnswers(url, 'mute.nap');
    mute.kill('SIGSTOP');
    const first = rpc(url, 'desk.ask', []);
    // The handler has begun when its own call is on its way.
    await waitFor(async () => (await inFlight(url)) === 2, { limitMs: 20_000, what: 'the call of alice' });
    const later = [rpc(url, 'desk.ask', []), rpc(url, 'desk.ready', [])];
    await waitFor(async () => (await inFlight(url)) === 4, { limitMs: 20_000, what: 'calls in the mailbox' });
    alice.kill('SIGTERM');
    assert.equal(told(await first), 'shutting_down executed: unknown at alice.home');
    for (const answer of await Promise.all(later)) {
      assert.equal(told(answer), 'shutting_down executed: no at alice.home');
      assert.equal(answer.error?.code, -32_017);
    }
    assert.equal((await alice.exited).code, 0);
    // The call of the handler and the one it ran for; those that never began were not cut.
    const cut = cutLines(alice);
    assert.equal(cut.length, 2, alice.stderr.join('\n'));
    assert.ok(cut.some((line) => line.includes('desk.ask')) && cut.some((line) => line.includes('mute.nap')));
    mute.kill('SIGCONT');
  });

  it('at a Main: its own callers and those of its peer learn that it shut down, and it logs their trace ids', async () => {
    await using machine = new Machine();
    const a = await machine.main('relay-a');
    const b = await machine.main('relay-b', `-peers 127.0.0.1:${a.port}`, { RELAY_DRAIN_SECONDS: '1' });
    const mute = await join(machine, b.port, 'mute.home', MUTE);
    await untilAnswers(a.url, 'mute.nap');
    mute.kill('SIGSTOP');
    const response = fetch(`${b.url}/rpc`, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","method":"mute.nap","id":1}',
    });
    const calls = [rpc(a.url, 'mute.nap', []), response.then((got) => got.json() as Promise<Answer>)];
    await waitFor(async () => (await inFlight(b.url)) === 2, { limitMs: 20_000, what: 'both calls' });
    b.node.kill('SIGTERM');
    await b.node.waitForLine(/^Shutting down: 2 calls in flight$/);
    const refused = await fetch(`${b.url}/rpc`, {
      method: 'POST',
      body: '{"jsonrpc":"2.0","method":"mute.nap","id":1}',
    });
    assert.equal(told((await refused.json()) as Answer), 'shutting_down executed: no at relay-b');
    for (const answer of await Promise.all(calls)) {
      assert.equal(told(answer), 'shutting_down executed: unknown at relay-b');
    }
    assert.equal((await b.node.exited).code, 0);
    assert.equal(b.node.stdout.at(-1), 'Stopped');
    const traceId = (await response).headers.get('relay-trace-id') ?? 'none';
    assert.match(traceId, /^[0-9a-f]{32}$/);
    const cut = cutLines(b.node);
    assert.equal(cut.length, 2, b.node.stderr.join('\n'));
    assert.ok(
      cut.every((line) => line.includes('mute.nap')),
      cut.join('\n'),
    );
    assert.ok(
      cut.some((line) => line.includes(traceId)),
      `${traceId} in\n${cut.join('\n')}`,
    );
    mute.kill('SIGCONT');
  });
});
