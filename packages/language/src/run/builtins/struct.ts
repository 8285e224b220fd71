import { chargeSteps } from '../budget.ts';
import { payDebt } from '../debt.ts';
import type { Message } from '../effects.ts';
import { RuntimeFailure } from '../failure.ts';
import { fit, misfitText } from '../fit.ts';
import type { Structs } from '../type.ts';
import { StructValue, type Value } from '../value.ts';
import { asObject, type MethodRow } from './row.ts';

function placeOf(self: StructValue, field: Value): number {
  if (typeof field !== 'string') throw new RuntimeFailure('struct field name must be a string');
  const at = self.definition.index.get(field);
  if (at === undefined) throw new RuntimeFailure(`struct ${self.name} has no field '${field}'`);
  return at;
}

export function structField(self: StructValue, field: Value): Value {
  return self.values[placeOf(self, field)]!;
}

function withFields(
  message: Message,
  self: StructValue,
  changes: Iterable<readonly [Value, Value]>,
  structs: Structs,
): StructValue {
  const values = [...self.values];
  for (const [field, value] of changes) {
    const at = placeOf(self, field);
    const { name, type } = self.definition.fields[at]!;
    const found = fit(value, type, structs);
    if (!found.ok) throw new RuntimeFailure(`struct ${self.name} field ${misfitText(name, found)}`);
    values[at] = found.value;
  }
  payDebt(message);
  return new StructValue(self.definition, values);
}

export const STRUCT_METHODS: readonly MethodRow<StructValue>[] = [
  {
    name: 'get',
    min: 1,
    max: 1,
    doc: 'The value of a field.',
    run: (_, self, field) => structField(self, field),
  },
  {
    name: 'set',
    min: 2,
    max: 2,
    doc: 'A new struct with a field replaced; the value is checked.',
    run: (message, self, field, value, _count, around) => {
      chargeSteps(message, self.values.length);
      return withFields(message, self, [[field, value]], around.structs);
    },
  },
  {
    name: 'merge',
    min: 1,
    max: 1,
    doc: 'A new struct with the fields of an object; the values are checked.',
    run: (message, self, other, _b, _count, around) => {
      const object = asObject('merge', other);
      chargeSteps(message, self.values.length + object.size);
      return withFields(message, self, object.entries(), around.structs);
    },
  },
];
