import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { begin, type Circuit, CLOSED, opensAt, settle, type Verdict } from './circuit.ts';

const OPTIONS = { failures: 5, openForMs: 30_000 };
const VERDICTS: readonly Verdict[] = ['worked', 'failed', 'nothing'];

function afterFailures(count: number): Circuit {
  let circuit: Circuit = CLOSED;
  for (let call = 0; call < count; call += 1) circuit = settle(circuit, 'failed', call, call, OPTIONS);
  return circuit;
}

describe('a circuit', () => {
  it('opens with the fifth failure in a row, for its time', () => {
    assert.deepEqual(afterFailures(4), { kind: 'closed', failures: 4 });
    assert.deepEqual(afterFailures(5), { kind: 'open', until: 30_004 });
  });

  it('counts from the beginning after a call that worked, and goes on after one that says nothing', () => {
    assert.deepEqual(settle(afterFailures(4), 'worked', 9, 9, OPTIONS), CLOSED);
    assert.deepEqual(settle(afterFailures(4), 'nothing', 9, 9, OPTIONS), afterFailures(4));
  });

  it('is not moved by calls that were sent before it opened', () => {
    const open = afterFailures(5);
    for (const verdict of VERDICTS) assert.equal(settle(open, verdict, 1, 100, OPTIONS), open);
    const probing = begin(open, 40_000, OPTIONS);
    for (const verdict of VERDICTS) assert.equal(settle(probing, verdict, 1, 41_000, OPTIONS), probing);
  });

  it('closes or opens again with its one trial', () => {
    const probing = begin(afterFailures(5), 40_000, OPTIONS);
    assert.deepEqual(probing, { kind: 'probing', since: 40_000 });
    assert.deepEqual(settle(probing, 'worked', 40_000, 40_010, OPTIONS), CLOSED);
    assert.deepEqual(settle(probing, 'failed', 40_000, 40_010, OPTIONS), { kind: 'open', until: 70_010 });
    assert.deepEqual(settle(probing, 'nothing', 40_000, 40_010, OPTIONS), { kind: 'open', until: 40_010 });
  });

  it('lets a second trial through when the first does not come back', () => {
    const probing = begin(afterFailures(5), 40_000, OPTIONS);
    assert.equal(opensAt(probing, OPTIONS), 70_000);
    assert.deepEqual(begin(probing, 70_000, OPTIONS), { kind: 'probing', since: 70_000 });
  });

  it('holds to its rules whatever calls come and end', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 20_000 }),
      verdict: fc.constantFrom(...VERDICTS),
      // Of the calls that are under way the one that ends; more begin than end.
      ends: fc.nat(3),
      startsMore: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 6 }), (steps, failures) => {
        const options = { failures, openForMs: 30_000 };
        let circuit: Circuit = CLOSED;
        let now = 0;
        let inARow = 0;
        const open: number[] = [];
        for (const { waitMs, verdict, ends, startsMore } of steps) {
          now += waitMs;
          if (now >= opensAt(circuit, options)) {
            const before = circuit;
            circuit = begin(circuit, now, options);
            assert.equal(circuit.kind === 'probing', before.kind !== 'closed');
            // Right after a trial began nobody else may pass.
            if (circuit.kind === 'probing') assert.ok(opensAt(circuit, options) > now);
            open.push(now);
          } else {
            assert.notEqual(circuit.kind, 'closed', 'a closed circuit lets every call pass');
          }
          if (startsMore || open.length === 0) continue;
          const [startedAt = 0] = open.splice(ends % open.length, 1);
          const before = circuit;
          circuit = settle(circuit, verdict, startedAt, now, options);
          if (before.kind === 'closed') {
            inARow = verdict === 'failed' ? inARow + 1 : verdict === 'worked' ? 0 : inARow;
            assert.equal(circuit.kind, inARow >= failures ? 'open' : 'closed');
          }
          if (circuit.kind === 'closed' && before.kind === 'probing') {
            assert.equal(verdict, 'worked', 'only a trial that worked closes it');
            assert.equal(startedAt, before.since);
          }
          if (circuit.kind !== 'closed') inARow = 0;
          if (before.kind === 'open') assert.equal(circuit, before);
        }
      }),
      { numRuns: 500 },
    );
  });
});
