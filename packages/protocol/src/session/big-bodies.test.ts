import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withSeeds } from '@relay/testkit';
import { SUBPROTOCOL_JSON } from '../codec.ts';
import { createFailure } from '../failure.ts';
import { CHUNK_BYTES, OUTBOX_LIMITS, UNASKED_BYTES } from '../limits.ts';
import { ask, bytes, type Chain, createChain, nameOf } from './chain.test.ts';

const SLOW = { delayMs: [1, 1] as const, bytesPerMs: 10_000 };
/** What a node in the middle holds of one body: the window, and what its outbox lets wait in the link. */
const TRANSIT_BYTES = UNASKED_BYTES + OUTBOX_LIMITS.highWaterBytes / 2 + 2 * CHUNK_BYTES;

/** Lets time pass until `until` holds; gives the most that the Mains held meanwhile. */
async function watch(chain: Chain, until: () => boolean, limitMs = 60_000): Promise<number> {
  let most = 0;
  for (let ms = 0; ms < limitMs && !until(); ms += 1) {
    await chain.clock.advance(1);
    most = Math.max(most, chain.mainA.budget.heldBytes, chain.mainB.budget.heldBytes);
  }
  assert.ok(until(), 'it took too long');
  return most;
}

const isQuiet = ({ caller, mainA, mainB, home }: Chain): boolean =>
  [caller, mainA.up, mainA.down, mainB.up, mainB.down, home].every(({ isQuiet }) => isQuiet);

describe('a body of megabytes over two Mains', () => {
  for (const { why, params, result } of [
    { why: 'as a result', params: 10, result: 10_000_000 },
    { why: 'as params', params: 10_000_000, result: 10 },
  ]) {
    it(`${why} arrives as it was, and no Main holds more than a window of it`, async () => {
      const chain = await createChain({ faults: SLOW });
      const body = bytes(result, 'r');
      const asked = bytes(params, 'p');
      chain.answer = (_call, settle) => void settle({ kind: 'result', body });
      const big = ask(chain, asked);
      const most = await watch(chain, () => big.outcomes.length > 0);
      assert.equal(nameOf(big.outcomes[0]), 'result');
      assert.ok(big.outcomes[0]?.kind === 'result');
      assert.equal(Buffer.compare(big.outcomes[0].body, body), 0);
      assert.equal(Buffer.compare(chain.served[0]!.params, asked), 0);
      assert.ok(most <= TRANSIT_BYTES, `${most} bytes were held`);
      assert.ok(most > CHUNK_BYTES, 'and some were');
      assert.equal(chain.mainA.budget.heldBytes + chain.mainB.budget.heldBytes, 0);
      assert.ok(isQuiet(chain));
    });

    it(`${why} would be held whole by a Main that waits for it`, async () => {
      const chain = await createChain({ faults: SLOW, takesParts: false });
      chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(result) });
      const big = ask(chain, bytes(params));
      const most = await watch(chain, () => big.outcomes.length > 0);
      assert.ok(most > 5_000_000, `${most} bytes were held`);
    });
  }

  it('T11 makes small calls wait for parts, not for the body', async () => {
    const chain = await createChain({ faults: SLOW });
    chain.answer = (call, settle) =>
      void settle({ kind: 'result', body: call.params.length < 20 ? bytes(10_000_000) : bytes(100) });
    const big = ask(chain, bytes(10));
    await chain.clock.advance(200);
    const small: number[][] = [];
    for (let count = 0; count < 20; count += 1) {
      const { endedAt } = ask(chain, bytes(100));
      small.push(endedAt);
      await chain.clock.advance(30);
    }
    await chain.clock.advance(100);
    assert.equal(big.outcomes.length, 0, 'the body is still under way');
    // Three links, each with at most this much before a small answer, and 1 ms on the way there and back.
    const waitMs = 3 * (TRANSIT_BYTES - UNASKED_BYTES) * (1 / SLOW.bytesPerMs) + 10;
    assert.ok(waitMs < 1_000 / 10, 'which is far less than the body takes');
    for (const [ms = Number.POSITIVE_INFINITY] of small) assert.ok(ms < waitMs, `${ms} of ${waitMs} ms`);
  });

  it('shares a link with others of its priority, and waits for those of a higher one', async () => {
    const chain = await createChain({ faults: SLOW });
    chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(3_000_000) });
    const calls = [5, 5, 2, 8].map((priority) => ask(chain, bytes(10), { priority }));
    await watch(chain, () => calls.every(({ outcomes }) => outcomes.length === 1));
    const [one = 0, two = 0, low = 0, high = 0] = calls.map(({ endedAt }) => endedAt[0] ?? 0);
    assert.ok(high < one && high < two && Math.max(one, two) < low, `${[high, one, two, low]}`);
    assert.ok(Math.abs(one - two) < 50, `${[one, two]}`);
  });

  it('is refused over body_bytes, whoever finds out', async () => {
    // The Home may send more than the Mains take.
    const chain = await createChain({ limits: { bodyBytes: 1_000_000 } });
    chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(1_000_001) });
    const result = ask(chain, bytes(10));
    await watch(chain, () => result.outcomes.length > 0);
    assert.equal(nameOf(result.outcomes[0]), 'payload_too_large yes');
    const params = ask(chain, bytes(1_000_001));
    assert.equal(nameOf(params.outcomes[0]), 'payload_too_large no');
  });

  it('must fit into one message where a link speaks JSON', async () => {
    const chain = await createChain({ homeSubprotocol: SUBPROTOCOL_JSON });
    const fits = ask(chain, bytes(900_000));
    await watch(chain, () => fits.outcomes.length > 0);
    assert.equal(nameOf(fits.outcomes[0]), 'result');
    chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(2_000_000) });
    for (const [length, name] of [
      [2_000_000, 'payload_too_large no'],
      [10, 'payload_too_large yes'],
    ] as const) {
      const { outcomes } = ask(chain, bytes(length));
      await watch(chain, () => outcomes.length > 0);
      assert.equal(nameOf(outcomes[0]), name);
      const [outcome] = outcomes;
      assert.deepEqual(outcome?.kind === 'failure' && outcome.failure.data, {
        limit: { name: 'body', max: 1_048_576 },
      });
    }
    assert.ok(chain.home.isOpen);
  });
});

describe('a body under way ends with its call, in exactly one outcome:', () => {
  const rows: {
    why: string;
    what: 'params' | 'result';
    end: (chain: Chain, cancel: (mode: 'abandon') => void) => void;
    outcome: string;
  }[] = [];
  for (const what of ['params', 'result'] as const) {
    rows.push(
      { why: 'the caller cancels', what, end: (_chain, cancel) => cancel('abandon'), outcome: 'nothing' },
      {
        why: 'the link to the Home is lost',
        what,
        end: ({ home }) => home.terminate(),
        outcome: what === 'params' ? 'home_disconnected no' : 'home_disconnected unknown',
      },
      {
        why: 'the link between the Mains is lost',
        what,
        end: ({ mainA }) => mainA.down.terminate(),
        outcome: what === 'params' ? 'peer_unreachable no' : 'peer_unreachable unknown',
      },
      {
        why: 'the link of the caller is lost',
        what,
        end: ({ caller }) => caller.terminate(),
        outcome: what === 'params' ? 'peer_unreachable no' : 'peer_unreachable unknown',
      },
    );
  }
  for (const { why, what, end, outcome } of rows) {
    it(`${what} when ${why}`, async () => {
      const chain = await createChain({ faults: SLOW });
      chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(5_000_000) });
      const { outcomes, cancel } = ask(chain, bytes(what === 'params' ? 5_000_000 : 10));
      await watch(
        chain,
        () => chain.mainA.budget.heldBytes > 50_000 && chain.mainB.budget.heldBytes > 50_000,
      );
      assert.equal(outcomes.length, 0);
      end(chain, cancel);
      await chain.clock.advance(10_000);
      assert.equal(nameOf(outcomes[0]), outcome);
      assert.ok(outcomes.length <= 1);
      assert.equal(chain.mainA.budget.heldBytes + chain.mainB.budget.heldBytes, 0, 'nothing is held for it');
      for (const session of [chain.caller, chain.mainA.up, chain.mainB.down, chain.home]) {
        assert.ok(!session.isOpen || session.isQuiet, 'nobody waits for it');
      }
    });
  }

  it('params when the Home answers with an error before it has them all', async () => {
    const chain = await createChain({ faults: SLOW });
    // Main B refuses at the first part, as a congested link would.
    chain.mainB.down.close(1000, 'done');
    const { outcomes } = ask(chain, bytes(5_000_000));
    await chain.clock.advance(10_000);
    assert.deepEqual(outcomes.map(nameOf), ['home_disconnected no']);
    assert.equal(chain.mainA.budget.heldBytes + chain.mainB.budget.heldBytes, 0);
    assert.ok(chain.caller.isOpen && chain.caller.isQuiet, 'parts that came later harmed nothing');
  });

  it('a result at its deadline', async () => {
    const chain = await createChain({ faults: { ...SLOW, bytesPerMs: 1_000 } });
    chain.answer = (_call, settle) => void settle({ kind: 'result', body: bytes(5_000_000) });
    const { outcomes } = ask(chain, bytes(10), { deadline: chain.clock.now() + 1_000 });
    await chain.clock.advance(1_500);
    assert.deepEqual(outcomes.map(nameOf), ['timeout unknown']);
    await chain.clock.advance(5_000);
    assert.ok(isQuiet(chain));
    assert.equal(chain.mainA.budget.heldBytes + chain.mainB.budget.heldBytes, 0);
  });
});

describe('bodies of any size', () => {
  it('arrive as they were, or end in one failure, whatever happens to the links', async () => {
    await withSeeds(40, async (random) => {
      const faults = {
        delayMs: [0, random.integer(1, 20)] as const,
        bytesPerMs: random.pick([1_000, 20_000, Number.POSITIVE_INFINITY]),
      };
      const chain = await createChain({ seed: random.seed, faults });
      const size = (): number =>
        random.pick([
          random.integer(2, 300),
          random.integer(65_530, 65_545),
          random.integer(262_000, 262_300),
          random.integer(2, 900_000),
        ]);
      chain.answer = (call, settle) => {
        const body = bytes(size(), String.fromCharCode(97 + (call.params.length % 26)));
        const isFailure = random.chance(0.1);
        const timer = chain.clock.after(random.integer(1, 50), () =>
          settle(
            isFailure
              ? { kind: 'failure', failure: createFailure('application_error', 'no', 'home') }
              : { kind: 'result', body },
          ),
        );
        return () => timer[Symbol.dispose]();
      };
      const calls = [];
      for (let count = 0; count < 12; count += 1) {
        const params = bytes(size());
        const priority = random.integer(0, 9);
        const asked = ask(chain, params, { priority, deadline: chain.clock.now() + 20_000 });
        let isCancelled = false;
        if (random.chance(0.2)) {
          chain.clock.after(random.integer(1, 200), () => {
            isCancelled = asked.outcomes.length === 0;
            asked.cancel(random.pick(['kill', 'abandon']));
          });
        }
        calls.push({ ...asked, params, isCancelled: () => isCancelled });
        await chain.clock.advance(random.integer(0, 30));
      }
      if (random.chance(0.3)) {
        const { caller, mainA, mainB, home } = chain;
        random.pick([caller, mainA.down, mainB.up, mainB.down, home]).terminate();
      }
      await chain.clock.advance(30_000);
      for (const { outcomes, params, isCancelled } of calls) {
        assert.equal(outcomes.length, isCancelled() ? 0 : 1);
        const [outcome] = outcomes;
        if (outcome?.kind !== 'result') continue;
        const fill = String.fromCharCode(97 + (params.length % 26));
        assert.equal(Buffer.compare(outcome.body, bytes(outcome.body.length, fill)), 0, 'its own answer');
      }
      for (const { length } of chain.served.map(({ params }) => params))
        assert.ok(calls.some(({ params }) => params.length === length));
      assert.equal(chain.mainA.budget.heldBytes + chain.mainB.budget.heldBytes, 0);
    });
  });
});
