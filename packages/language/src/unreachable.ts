/** Ends a switch over a union: a new member makes every switch that forgot it a type error. */
export function unreachable(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
