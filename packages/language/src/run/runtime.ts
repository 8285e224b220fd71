// A running program, whatever modules it is made of.

import { checkArity, type Surroundings } from './builtins/row.ts';
import { FUNCTION_TABLE } from './builtins/table.ts';
import type { Effects } from './effects.ts';
import { ModuleRuntime, type ModuleTables } from './module-runtime.ts';
import { sendMessage } from './server.ts';
import type { StructDefinition } from './type.ts';
import { type FunctionBody, FunctionValue, type Value } from './value.ts';

/** What belongs to a program, whatever modules it is made of. */
export class Runtime {
  readonly effects: Effects;
  readonly structs = new Map<string, StructDefinition>();
  readonly protocols = new Map<string, ReadonlyMap<string, number>>();
  /** Of a session: what its modules share. The keys carry a prefix, and there is no prototype to meet. */
  readonly globals: Record<string, Value | undefined> = Object.create(null) as Record<string, undefined>;
  readonly around: Surroundings;
  readonly #builtins = new Map<string, FunctionValue>();

  constructor(effects: Effects) {
    this.effects = effects;
    this.around = {
      effects,
      structs: this.structs,
      send: (from, target, method, args) => sendMessage(from, target, method, args, effects, this.structs),
    };
  }

  open(tables: ModuleTables): ModuleRuntime {
    return new ModuleRuntime(this, tables);
  }

  /** The function value of a built-in, always the same one. */
  builtin(name: string): FunctionValue {
    let found = this.#builtins.get(name);
    if (found === undefined) {
      found = builtinFunction(name, this.around);
      this.#builtins.set(name, found);
    }
    return found;
  }
}

function builtinFunction(name: string, around: Surroundings): FunctionValue {
  const row = FUNCTION_TABLE.get(name)!;
  const run: FunctionBody = (message, ...args) => {
    checkArity(row, args.length);
    return row.run(message, args, around);
  };
  // No number of arguments matches -1, so every call goes through `invoke`.
  return new FunctionValue(name, -1, run, row.suspends ?? false, true);
}
