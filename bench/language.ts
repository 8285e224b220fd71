// How fast compiled programs run, beside the same work in JavaScript: in one process and one thread, rounds interleaved. Handlers
// run with every check a served program has; only steps and time are not limited.

import { builtins, checkProgram, compileProgram, loadProgram, type Value } from '@relay/language';
import { ProgramHost } from '../packages/host/src/program-host.ts';
import { importProgram } from '../packages/host/src/program-module.ts';
import { createMemoryStore } from '../packages/host/src/state-store/memory.ts';
import { GROWTH_ROWS, GROWTH_SIZES, LANGUAGE_ROWS } from './language-programs.ts';
import type { SuiteOptions, SuiteResult } from './main.ts';
import { median, spread } from './stats.ts';

const MESSAGES = 100_000;
const SERVER = `server counter { state { n: number = 0 }
  receive fn increment() -> number { state.set("n", state.n + 1) }
  receive fn get() -> number { state.n } }
server bench {
  receive fn messages(n: number) -> number { for i in range(n) { send "counter" increment {} }\nn }`;

export async function benchLanguage({ rounds }: Pick<SuiteOptions, 'rounds'>): Promise<SuiteResult> {
  const methods = LANGUAGE_ROWS.map(({ relay }, at) => `receive fn row${at}() { ${relay} }`);
  const growth = GROWTH_ROWS.map(({ relay }, at) => `receive fn growth${at}(n: number) { ${relay} }`);
  const tops = LANGUAGE_ROWS.map(({ top }) => top ?? '');
  const run = await serve([...tops, SERVER, ...methods, ...growth, '}'].join('\n'));

  const times = LANGUAGE_ROWS.map(() => ({ relay: [] as number[], javascript: [] as number[] }));
  const perSecond: number[] = [];
  const growths = GROWTH_ROWS.map(() => GROWTH_SIZES.map(() => [] as number[]));
  let failures = 0;
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    const keep = (list: number[], ms: number): void => void (round > 0 && list.push(ms));
    for (const [at, row] of LANGUAGE_ROWS.entries()) {
      const relay = await timed(() => run(`row${at}`));
      const javascript = await timed(row.javascript);
      if (relay.value !== javascript.value) failures += 1;
      keep(times[at]!.relay, relay.ms);
      keep(times[at]!.javascript, javascript.ms);
    }
    const sent = await timed(() => run('messages', MESSAGES));
    if (sent.value !== MESSAGES) failures += 1;
    keep(perSecond, (MESSAGES * 1_000) / sent.ms);
    for (const [at] of GROWTH_ROWS.entries()) {
      for (const [size, n] of GROWTH_SIZES.entries()) {
        const repeats = Math.max(1, 10_000 / n);
        const { ms } = await timed(async () => {
          for (let again = 0; again < repeats; again += 1) await run(`growth${at}`, n);
        });
        keep(growths[at]![size]!, (ms * 1e6) / repeats / n);
      }
    }
  }
  const rows = LANGUAGE_ROWS.map(({ name }, at) => {
    const { relay, javascript } = times[at]!;
    const [relayMs, javascriptMs] = [median(relay), median(javascript)];
    return { name, relayMs, spread: spread(relay), javascriptMs, ratio: relayMs / javascriptMs };
  });
  const data = {
    rows,
    messagesPerSecond: median(perSecond),
    growth: GROWTH_ROWS.map(({ name }, at) => ({ name, nsPerElement: growths[at]!.map(median) })),
  };
  return { markdown: markdown(data), data, failures };
}

interface Figures {
  readonly rows: readonly {
    readonly name: string;
    readonly relayMs: number;
    readonly spread: number;
    readonly javascriptMs: number;
    readonly ratio: number;
  }[];
  readonly messagesPerSecond: number;
  readonly growth: readonly { readonly name: string; readonly nsPerElement: readonly number[] }[];
}

function markdown({ rows, messagesPerSecond, growth }: Figures): string {
  const ratios = rows.map(
    ({ name, relayMs, spread: around, javascriptMs, ratio }) =>
      `| ${name} | ${relayMs.toFixed(1)} | ${(around * 100).toFixed(0)} % | ${javascriptMs.toFixed(1)} | ${ratio.toFixed(2)} |`,
  );
  const sizes = GROWTH_SIZES.map((size) => size.toLocaleString('en'));
  const growths = growth.map(
    ({ name, nsPerElement }) => `| ${name} | ${nsPerElement.map((ns) => ns.toFixed(0)).join(' | ')} |`,
  );
  return [
    '| what | Relay ms | ± | JavaScript ms | ratio |',
    '|---|---:|---:|---:|---:|',
    ...ratios,
    '',
    `Messages through one mailbox: ${Math.round(messagesPerSecond).toLocaleString('en')} a second.`,
    '',
    `| ns an element, of | ${sizes.join(' | ')} |`,
    `|---|${'---:|'.repeat(sizes.length)}`,
    ...growths,
  ].join('\n');
}

async function timed(work: () => unknown): Promise<{ readonly ms: number; readonly value: unknown }> {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}

/** Calls of the server `bench`, in this thread. */
async function serve(text: string): Promise<(method: string, ...args: number[]) => Promise<Value>> {
  const loaded = loadProgram('bench.rl', (name) => (name === 'bench.rl' ? text : undefined));
  const [error] = loaded.diagnostics;
  if (error !== undefined)
    throw new Error(`the program does not parse: ${error.message} at ${error.span.start}`);
  const limits = { steps: Infinity, timeMs: Infinity, sends: Infinity };
  const host = new ProgramHost(
    {
      now: () => performance.now(),
      wallNow: () => Date.now(),
      after: () => ({ [Symbol.dispose]: () => {} }),
      schedule: (run) => queueMicrotask(run),
      breathe: () => {},
      random: () => Math.random(),
      uuid: () => 'none',
      print: () => {},
      log: () => {},
      store: createMemoryStore(),
      onStoreFailed: () => {},
      sendOutside: undefined,
    },
    { limits, timeoutMs: undefined },
  );
  await host.run(await importProgram(compileProgram(loaded, checkProgram(loaded, builtins)).code));
  return (method, ...args) => {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const incoming = {
      server: 'bench',
      method,
      args: { kind: 'positional', values: args } as const,
      callPath: [],
      deadline: Infinity,
      traceparent: '',
    };
    host.servers.receive(incoming, (reply) => {
      if (reply.kind === 'value') resolve(reply.value);
      else reject(reply.kind === 'failed' ? reply.thrown : reply.failure);
    });
    return promise;
  };
}
