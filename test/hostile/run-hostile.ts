// Compiling hostile texts and asking what they serve.

import { type CompiledProgram, defineService } from '@relay/host';
import { builtins, checkProgram, compileProgram, loadProgram } from '@relay/language';
import { type Call, type Clock, type Failure, mainAddress, type Service } from '@relay/protocol';

export const realClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  defer: (run) => void setImmediate(run),
};

/** Throws an error that names the codes of what was found. */
export function compile(text: string): CompiledProgram {
  const loaded = loadProgram('main.rl', (name) => (name === 'main.rl' ? text : undefined));
  const errors = loaded.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    const [first] = errors;
    throw new Error(`${first?.code} ${first?.message} at ${first?.span.start}`);
  }
  return compileProgram(loaded, checkProgram(loaded, builtins));
}

export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly failure: Failure };

export function callOf(service: string, method: string, params: unknown): Call {
  return {
    service,
    method,
    params: new TextEncoder().encode(JSON.stringify(params)),
    deadline: performance.now() + 60_000,
    source: mainAddress('main.test'),
    caller: { kind: 'http', node: 'client' },
    path: [],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: '',
    callPath: [],
  };
}

export function ask(
  services: readonly Service[],
  name: string,
  method: string,
  params: unknown = null,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const service = services.find(({ offer }) => offer.name === name);
  if (service === undefined) throw new Error(`no service ${name}`);
  service.handle(callOf(name, method, params), (outcome) => {
    if (outcome.kind === 'failure') resolve({ kind: 'failure', failure: outcome.failure });
    else resolve({ kind: 'value', value: JSON.parse(new TextDecoder().decode(outcome.body)) });
  });
  return promise;
}

const next = defineService('next', { after: (_context, n: number) => n + 1 });

/** A call of a TypeScript service on this thread, after a turn of its event loop. */
export async function systemCall(n: number): Promise<unknown> {
  await new Promise((resolve) => setImmediate(resolve));
  const answer = await ask([next], 'next', 'after', [n]);
  return answer.kind === 'value' ? answer.value : answer.failure;
}
