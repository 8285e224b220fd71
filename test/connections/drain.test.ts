// The end of a node, with real processes: cli.md §9.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '@relay/testkit';
import { Machine, rpc, untilAnswers } from './nodes.ts';

describe('SIGTERM', () => {
  it('to a Main under load moves its Home to the other Main without a failed call', async () => {
    await using machine = new Machine();
    const a = await machine.main('relay-a');
    const b = await machine.main('relay-b', `-peers 127.0.0.1:${a.port}`);
    const home = machine.relay(
      `shop.rl -node-id alice.home -connect 127.0.0.1:${a.port} -fallback 127.0.0.1:${b.port}`,
      'alice.home',
    );
    await home.waitForLine(/^Connected to Main Relay relay-a/);
    // Over relay-b and relay-a at first, then over relay-b alone.
    await untilAnswers(b.url, 'shop_service.get_products');
    const failures: unknown[] = [];
    let answered = 0;
    let isOver = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const answer = await rpc(b.url, 'shop_service.get_products', []);
        if ('result' in answer) answered += 1;
        else failures.push(answer.error);
      }
    });
    await waitFor(() => answered > 100, { limitMs: 40_000, what: 'some calls before the drain' });
    a.node.kill('SIGTERM');
    assert.equal((await a.node.exited).code, 0);
    await home.waitForLine(/^Connected to Main Relay relay-b/);
    const before = answered;
    await waitFor(() => answered > before + 100, { limitMs: 40_000, what: 'some calls after the drain' });
    isOver = true;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    assert.ok(a.node.stdout.some((line) => /^Shutting down: \d+ calls in flight$/.test(line)));
    assert.equal(a.node.stdout.at(-1), 'Stopped');

    const stopped = await home.stop();
    assert.equal(stopped.code, 0);
    const gone = await rpc(b.url, 'shop_service.get_products', []);
    assert.equal(gone.error?.data?.['code'], 'service_not_found', 'a Home unregisters before it goes');
  });
});
