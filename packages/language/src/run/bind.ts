// Arguments of a message onto parameters of a receive function; language.md §14, Binding.

import type { ReceiveDefinition, SendArguments } from './effects.ts';
import { RuntimeFailure } from './failure.ts';
import { fit, misfitText } from './fit.ts';
import { measure } from './inspect.ts';
import { acceptsObjects, type Structs } from './type.ts';
import type { Value } from './value.ts';

export type Binding =
  | { readonly ok: true; readonly values: Value[] }
  /** The text of a `bad_arguments`. */
  | { readonly ok: false; readonly error: string };

/** One value for each parameter, nil where none was given. */
export function bindArguments(receive: ReceiveDefinition, args: SendArguments, structs: Structs): Binding {
  const { name, params } = receive;
  let values: Value[];
  if (args.kind === 'positional') {
    if (args.values.length > params.length) {
      const error = `method '${name}' expects ${params.length} arguments, got ${args.values.length}`;
      return { ok: false, error };
    }
    values = params.map((_, at) => args.values[at] ?? null);
  } else {
    const only = params[0];
    const isWhole =
      params.length === 1 &&
      args.value.size > 0 &&
      !args.value.has(only!.name) &&
      acceptsObjects(only!.type, structs);
    if (isWhole) values = [args.value];
    else {
      const stranger = args.value.keys().find((key) => params.every((param) => param.name !== key));
      if (stranger !== undefined) {
        return { ok: false, error: `method '${name}' has no parameter '${stranger}'` };
      }
      values = params.map((param) => args.value.get(param.name) ?? null);
    }
  }
  return checkArguments(receive, values, structs);
}

function checkArguments(receive: ReceiveDefinition, values: Value[], structs: Structs): Binding {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at]!;
    if (value === null) continue;
    const { name, type } = receive.params[at]!;
    if (type !== undefined) {
      const found = fit(value, type, structs);
      if (!found.ok) {
        return { ok: false, error: `method '${receive.name}' parameter ${misfitText(name, found)}` };
      }
      values[at] = found.value;
    }
    const { foreign } = measure(values[at]!);
    if (foreign !== undefined) return { ok: false, error: foreignText(foreign) };
  }
  return { ok: true, values };
}

export function foreignText(foreign: 'function' | 'server'): string {
  return `cannot send a ${foreign} in a message`;
}

/** Results and thrown values of a receive function leave as data, or not at all. */
export function assertData(value: Value): void {
  const { foreign } = measure(value);
  if (foreign !== undefined) throw new RuntimeFailure(foreignText(foreign));
}
