/** A new union member makes every switch that forgot it a type error. */
export function unreachable(value: never): never {
  throw new Error(`Unhandled case: ${String(value)}`);
}
