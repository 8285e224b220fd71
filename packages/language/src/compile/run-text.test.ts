// Compiling and running program texts in tests. Has no tests of its own.

import assert from 'node:assert/strict';
import { checkProgram } from '../check/check.ts';
import {
  BudgetExceeded,
  bindArguments,
  builtins,
  compileProgram,
  createMessage,
  createRuntime,
  display,
  type Effects,
  FailedSend,
  failedHandler,
  initialState,
  type ProgramModule,
  runProgram,
  type ServerDefinition,
  topLevelMessage,
} from '../index.ts';
import { loadProgram } from '../syntax/load.ts';
import type { CompiledProgram } from './program-module.ts';

export function compile(text: string): CompiledProgram {
  const program = loadProgram('main.rl', (path) => (path === 'main.rl' ? text : undefined));
  assert.deepEqual(
    program.diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  return compileProgram(program, checkProgram(program, builtins));
}

/** Servers without queues: a send runs the handler at once. */
export class DirectEffects implements Effects {
  readonly lines: string[] = [];
  readonly servers = new Map<
    string,
    { definition: ServerDefinition; state: ReturnType<typeof initialState> }
  >();
  readonly runtime = createRuntime(this);

  print(line: string): void {
    this.lines.push(line);
  }
  log(level: string, line: string): void {
    this.lines.push(`${level}: ${line}`);
  }
  now(): number {
    return 0;
  }
  random(): number {
    return 0.5;
  }
  uuid(): string {
    return 'id';
  }
  reportHealth(server: string, isHealthy: boolean): void {
    this.lines.push(`${server} is ${isHealthy ? 'well' : 'not well'}`);
  }
  configure(): void {}

  startServer(definition: ServerDefinition) {
    this.servers.set(definition.name, { definition, state: initialState(definition) });
    return { running: true };
  }

  send: Effects['send'] = async (from, target, method, args) => {
    const fail = (code: string, error: string) => new FailedSend({ code, error, executed: 'no' });
    const server = this.servers.get(target);
    if (server === undefined) throw fail('unknown_server', `server '${target}' not found`);
    const receive = server.definition.receives.get(method);
    if (receive === undefined) throw fail('unknown_method', `server '${target}' has no method '${method}'`);
    const binding = bindArguments(receive, args, this.runtime.structs);
    if (!binding.ok) throw fail('bad_arguments', binding.error);
    const callPath = [...from.callPath, target];
    const message = createMessage({ server: server.definition, state: server.state, callPath });
    try {
      // So that every send really waits.
      await Promise.resolve();
      const value = await receive.run(message, ...binding.values);
      server.state = message.state!;
      return value;
    } catch (thrown) {
      if (!(thrown instanceof BudgetExceeded)) throw failedHandler(thrown);
      throw new FailedSend({ code: 'budget', error: thrown.message, executed: 'yes' });
    }
  };
}

export async function load(compiled: CompiledProgram): Promise<ProgramModule> {
  const module = await import(`data:text/javascript,${encodeURIComponent(compiled.code)}`);
  return module.default;
}

/** The display form of the program's value, or the message of its failure. */
export async function run(
  text: string,
  effects = new DirectEffects(),
  message = topLevelMessage(),
): Promise<string> {
  const module = await load(compile(text));
  try {
    return display(await runProgram(module, effects.runtime, message));
  } catch (thrown) {
    return `failed: ${(thrown as Error).message}`;
  }
}
