// Whatever the text is, parser and checker end, and report instead of throwing.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { checkProgram } from '../check/check.ts';
import { renderDiagnostic } from '../diagnostic.ts';
import { builtins } from '../run/builtins/table.ts';
import { loadProgram } from './load.ts';
import { KEYWORDS, SIGNS } from './token.ts';

const VALID = `
import "other.rl"
// A counter.
config { app_name: "Counter", limits: { steps: 1e6 } }
struct User { name: string.min(1), tags: [string], at: datetime, extra: optional({string: any}) }
protocol P { get(id: number) -> User; all() -> [User] }
fn describe(n) { dispatch n { 0: "never", -1: fn() { "once" }, :default: fn(count) { string(count) + " times" } } }
server counter implements P {
  state { count: number = 0, users: [User] = [] }
  receive fn get(id: number) -> User { state.users.find(fn(u) { u.id == id }) ?? nil }
  receive fn all() -> [User] { state.set("count", state.count + 1) state.users }
}
template "index.html" from all()
set total = 0
for x in [1, 2.5, -.5] { set total = total + x * (2 - x) % 3 }
while total > 100 && !false || nil { set total = total - 10 }
set reply = try { send "counter" get { id: 1 } } catch e { print(e.error, e["code"]) }
if total >= 2024-01-02T03:04:05Z { throw {error: "late"} } else if reply { return reply } else { {a: :b} }
`;

const CODE_PIECES = [
  ...KEYWORDS,
  ...SIGNS,
  'a',
  'b',
  '"s"',
  '1',
  '\n',
  '\n',
  ' ',
  '//c\n',
  '`',
  "'",
  '"',
  '@',
  '2024-01-02T03:04:05',
];

function survives(text: string): void {
  const program = loadProgram('main.rl', (path) => (path === 'main.rl' ? text : VALID));
  const { diagnostics } = checkProgram(program, builtins);
  for (const one of [...program.diagnostics, ...diagnostics].slice(0, 20)) {
    const { start, end, file } = one.span;
    assert.ok(start <= end && end <= (program.files[file]?.text.length ?? -1), JSON.stringify(one));
    renderDiagnostic(one, program.files);
  }
}

it('survives any text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), survives), { numRuns: 300 });
});

it('survives any row of tokens', () => {
  const pieces = fc.array(fc.constantFrom(...CODE_PIECES), { maxLength: 60 });
  fc.assert(
    fc.property(pieces, fc.constantFrom('', ' '), (row, glue) => survives(row.join(glue))),
    { numRuns: 1500 },
  );
});

it('survives any change of a valid program', () => {
  const edit = fc.record({
    at: fc.nat(VALID.length),
    removed: fc.nat(30),
    added: fc.oneof(fc.constantFrom(...CODE_PIECES), fc.constant('')),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = VALID;
      for (const { at, removed, added } of edits) text = text.slice(0, at) + added + text.slice(at + removed);
      survives(text);
    }),
    { numRuns: 400 },
  );
});

for (const height of [900, 990]) {
  it(`survives a tree of height ${height}`, () => {
    survives(`set a = 1${' + 1'.repeat(height)}`);
    survives(`set a = b${'.c(1)'.repeat(height)}`);
    survives(`set a = ${'(fn() { -[{a: f(x.y '.repeat(60)}${')}] })'.repeat(60)}`);
  });
}
