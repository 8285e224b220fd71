// Programs made up at random by the grammar: whatever they do, the host ends them within their budget, tells nothing of itself, and
// goes on. RELAY_FUZZ_RUNS sets how many (default 150); RELAY_FUZZ_SEED repeats a run.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startProgram } from '@relay/host';
import { builtins } from '@relay/language';
import fc from 'fast-check';
import { HOST_NAMES } from './corpus.ts';
import { ask, compile, realClock } from './run-hostile.ts';

const RUNS = Number(process.env.RELAY_FUZZ_RUNS ?? 150);
const SEED = process.env.RELAY_FUZZ_SEED;
/** Programs that share a worker; starting one costs more than running them. */
const BATCH = 50;
const HANG_MS = 60_000;

const NAMES = ['a', 'b', 'f', 'g', ...HOST_NAMES];
const METHODS = [...new Set([...builtins.methods.values()].flatMap((table) => [...table.keys()]))];
const FUNCTIONS = [...builtins.functions.keys()].filter((name) => name !== 'send');
const OPERATORS = ['+', '-', '*', '/', '%', '==', '!=', '<', '>=', '&&', '||', '??'];

const name = fc.constantFrom(...NAMES);
const literal = fc.oneof(
  fc.constantFrom('0', '1', '-1', '1e308', '0.1', '9007199254740993', 'nil', 'true', 'false', '[]', '{}'),
  fc.constantFrom('""', '"a"', '"__proto__"', '"\\u0000"', '"\\U0001F600"', '2024-01-02T03:04:05'),
  name.map((text) => JSON.stringify(text)),
);

interface Grammar {
  readonly expression: string;
  readonly body: string;
}

const { expression } = fc.letrec<Grammar>((tie) => {
  const part = tie('expression');
  const list = fc.array(part, { maxLength: 3 });
  const paren = part.map((text) => `(${text})`);
  return {
    body: fc
      .array(part, { minLength: 1, maxLength: 3 })
      .map((parts) => `{ ${parts.map((text) => `(${text})`).join('; ')} }`),
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      literal,
      name,
      fc.tuple(paren, fc.constantFrom(...OPERATORS), paren).map((three) => three.join(' ')),
      fc.tuple(name, paren).map(([to, value]) => `set ${to} = ${value}`),
      list.map((parts) => `[${parts.map((text) => `(${text})`).join(', ')}]`),
      fc
        .array(fc.tuple(name, paren), { maxLength: 3 })
        .map((entries) => `{${entries.map(([key, value]) => `"${key}": ${value}`).join(', ')}}`),
      fc
        .tuple(paren, fc.constantFrom(...METHODS, ...NAMES), list)
        .map(([self, method, args]) => `${self}.${method}(${args.map((text) => `(${text})`).join(', ')})`),
      fc
        .tuple(fc.constantFrom(...FUNCTIONS, ...NAMES), list)
        .map(([f, args]) => `${f}(${args.map((text) => `(${text})`).join(', ')})`),
      fc.tuple(paren, paren).map(([self, at]) => `${self}[${at}]`),
      fc.tuple(paren, name).map(([self, field]) => `${self}.${field}`),
      fc.tuple(name, tie('body')).map(([x, body]) => `fn(${x}) ${body}`),
      fc.tuple(name, name, tie('body')).map(([f, x, body]) => `fn ${f}(${x}) ${body}`),
      fc.tuple(paren, tie('body'), tie('body')).map(([c, yes, no]) => `if ${c} ${yes} else ${no}`),
      fc.tuple(name, paren, tie('body')).map(([x, of, body]) => `for ${x} in ${of} ${body}`),
      fc.tuple(paren, tie('body')).map(([c, body]) => `while ${c} ${body}`),
      fc
        .tuple(tie('body'), name, tie('body'))
        .map(([body, e, handler]) => `try ${body} catch ${e} ${handler}`),
      paren.map((value) => `throw ${value}`),
      fc
        .tuple(paren, literal, paren)
        .map(([of, , value]) => `dispatch ${of} { 1: ${value}, :default: ${value} }`),
      fc.tuple(name, paren).map(([x, value]) => `send "ok" echo { x: ${value}, ${x === 'x' ? 'y' : x}: 1 }`),
      fc.tuple(paren, paren).map(([key, value]) => `state.set(${key}, ${value})`),
      fc.constantFrom('state', 'state.a', 'go()', 'send("ok", "echo", state)'),
    ),
  };
});

/** What only the host could have said: names of its files and classes, and JavaScript's own error texts. */
const LEAK =
  /node:|\.ts\b|data:text|file:\/\/|ArrayValue|ObjectValue|FunctionValue|\[object |native code|is not a function|Cannot read prop|is not defined|is not iterable|call stack|undefined \(/;

describe('programs made up at random', () => {
  it('end within their budget, tell nothing of the host, and harm nobody', {
    timeout: RUNS * 2_000 + HANG_MS,
  }, async () => {
    const texts = fc.sample(expression, {
      numRuns: RUNS,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    });
    for (let from = 0; from < texts.length; from += BATCH) await runBatch(texts.slice(from, from + BATCH));
  });
});

async function runBatch(texts: readonly string[]): Promise<void> {
  const servers = texts.map(
    (text, at) => `server s${at} { state { a: any, b: any }\nreceive fn go() { ${text} } }`,
  );
  const output: string[] = [];
  const compiled = compile(`config { limits: { time: "1s", steps: 200000 } }
server ok { receive fn ping() { "pong" }\nreceive fn echo(x: any, a: any) { x } }\n${servers.join('\n')}`);
  const program = await startProgram(compiled, {
    clock: realClock,
    nodeId: () => 'here',
    print: (line) => output.push(line),
    log: (_level, line) => output.push(line),
  });
  try {
    for (const [at, text] of texts.entries()) {
      const outcome = await ask(program.services, `s${at}`, 'go');
      const told = `${JSON.stringify(outcome)} ${output.splice(0).join(' ')}`;
      assert(!LEAK.test(told), `${text}\n${told.slice(0, 500)}`);
      const isAlive = outcome.kind === 'value' || outcome.failure.executed !== 'unknown';
      assert(isAlive, `${text}\n${told.slice(0, 500)}`);
      assert.deepEqual(await ask(program.services, 'ok', 'ping'), { kind: 'value', value: 'pong' }, text);
    }
  } finally {
    await program.close();
  }
}
