import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { CHUNK_BYTES, PART_BYTES, UNASKED_BYTES } from '../limits.ts';
import { BufferBudget } from './buffer-budget.ts';
import { ask, bytes, createChain, nameOf } from './chain.test.ts';

describe('the bound of all buffers of a node', () => {
  it('S8 cuts whoever makes it hold most, until it holds, and nobody else', async () => {
    const clock = new ManualClock();
    const budget = new BufferBudget(clock, 1_000);
    const cut: string[] = [];
    const user = (name: string, backlogBytes: number) => {
      budget.join({
        backlogBytes,
        cut: () => {
          cut.push(name);
          budget.add(-backlogBytes);
        },
      });
      budget.add(backlogBytes);
    };
    user('small', 300);
    user('biggest', 500);
    assert.equal(budget.isTight, true);
    assert.equal(budget.largestBytes, 500);
    await clock.settle();
    assert.deepEqual(cut, [], 'not before the bound');
    user('big', 400);
    assert.deepEqual(cut, [], 'not in the middle of what adds');
    await clock.settle();
    assert.deepEqual(cut, ['biggest']);
    assert.equal(budget.heldBytes, 700);
  });

  it('tells who waits for room once there is some', async () => {
    const clock = new ManualClock();
    const budget = new BufferBudget(clock, 1_000);
    let told = 0;
    budget.add(900);
    budget.whenRelaxed(() => {
      told += 1;
    });
    budget.add(-50);
    await clock.settle();
    assert.equal(told, 0);
    budget.add(-200);
    await clock.settle();
    budget.add(-200);
    await clock.settle();
    assert.equal(told, 1);
  });

  it('S8 holds for a node whose links hold much at once; without it they do', async () => {
    // Each body is within the bounds of its link; together they are not within those of the node.
    for (const budgetBytes of [2_000_000, Number.POSITIVE_INFINITY]) {
      const chain = await createChain({ takesParts: false, budgetBytes, faults: { bytesPerMs: 10_000 } });
      const calls = Array.from({ length: 3 }, () => ask(chain, bytes(4_000_000)));
      let most = 0;
      for (let ms = 0; ms < 15_000 && calls.some(({ outcomes }) => outcomes.length === 0); ms += 1) {
        await chain.clock.advance(1);
        most = Math.max(most, chain.mainA.budget.heldBytes);
      }
      const isBounded = most <= budgetBytes + 4 * CHUNK_BYTES;
      assert.ok(isBounded && most > 1_500_000, `${most} bytes were held`);
      assert.equal(most > 8_000_000, budgetBytes === Number.POSITIVE_INFINITY, `${most} bytes were held`);
      for (const { outcomes } of calls) assert.equal(outcomes.length, 1);
    }
  });

  it('S8 refuses calls and gives bodies no credit while little is left', async () => {
    const chain = await createChain({ takesParts: false, budgetBytes: 20_000_000 });
    const { budget } = chain.mainA;
    budget.add(16_000_000);
    const refused = ask(chain, bytes(10));
    await chain.clock.advance(100);
    assert.deepEqual(refused.outcomes.map(nameOf), ['overloaded no']);
    budget.add(-16_000_000);
    chain.answer = (_call, settle) => {
      budget.add(16_000_000);
      settle({ kind: 'result', body: bytes(3_000_000) });
      return undefined;
    };
    const { outcomes } = ask(chain, bytes(10));
    await chain.clock.advance(1_000);
    assert.equal(outcomes.length, 0);
    const held = budget.heldBytes - 16_000_000;
    assert.ok(held <= UNASKED_BYTES && held > UNASKED_BYTES - PART_BYTES, 'what came unasked, and no more');
    budget.add(-16_000_000);
    await chain.clock.advance(1_000);
    assert.deepEqual(outcomes.map(nameOf), ['result']);
  });
});
