import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rollingRestart } from './rolling-restart.ts';

describe('three Mains restarted one after the other', () => {
  it('fail no call that has an idempotency key, and run none twice', async () => {
    const { calls, repeated, failed, ranTwice, restarts } = await rollingRestart({
      rate: 30,
      homes: 5,
      settleSeconds: 1,
    });
    assert.deepEqual(failed, []);
    assert.equal(ranTwice, 0);
    assert.deepEqual(
      restarts.map(({ exitCode }) => exitCode),
      [0, 0, 0],
    );
    // Some met a Main that was going or gone: there was something to get wrong.
    assert.ok(repeated > 0 && calls > 100, `${repeated} of ${calls} calls were repeated`);
  });
});
