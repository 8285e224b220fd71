import assert from 'node:assert/strict';
import { it } from 'node:test';
import { needsMoreInput } from './continuation.ts';

for (const { text, needsMore } of [
  { text: '', needsMore: false },
  { text: '1 + 2', needsMore: false },
  { text: '1 +', needsMore: true },
  { text: 'fn f() {', needsMore: true },
  { text: 'fn f() { "}"', needsMore: true },
  { text: 'fn f() { } // {', needsMore: false },
  { text: 'set', needsMore: true },
  { text: 'return', needsMore: false },
  { text: 'o.set', needsMore: false },
  { text: ':if', needsMore: false },
  { text: '"two', needsMore: true },
  { text: '/* two', needsMore: true },
  { text: ') {', needsMore: false },
]) {
  it(`${needsMore ? 'asks for more after' : 'is content with'} ${JSON.stringify(text)}`, () => {
    assert.equal(needsMoreInput(text), needsMore);
  });
}
