// The type of an expression, where it is simple to tell: from literals, annotations, struct definitions and built-in methods.

import type { Body, Expression, Receive } from '../syntax/ast.ts';
import { unreachable } from '../unreachable.ts';
import type { Declarations } from './declarations.ts';
import type { Resolution } from './resolve.ts';
import { endsOf, type ResultPart, resultsOf } from './results.ts';
import type { Binding } from './scope.ts';
import {
  arrayOf,
  BOOL,
  type CheckedType,
  DATETIME,
  declaredType,
  FUNCTION,
  joinTypes,
  NIL,
  NUMBER,
  OBJECT,
  STRING,
  UNKNOWN,
} from './type.ts';

/** Results of built-in methods: of a fixed type, or `same` as the receiver, or its `element`. */
const METHOD_RESULTS: Readonly<Record<string, Readonly<Record<string, CheckedType | 'same' | 'element'>>>> = {
  array: {
    length: NUMBER,
    remove_at: 'same',
    remove: 'same',
    drop_first: 'same',
    drop_last: 'same',
    slice: 'same',
    reverse: 'same',
    filter: 'same',
    sort_by: 'same',
    join: STRING,
    includes: BOOL,
    any: BOOL,
    all: BOOL,
    get: 'element',
    push: arrayOf(UNKNOWN),
    add: arrayOf(UNKNOWN),
    prepend: arrayOf(UNKNOWN),
    insert: arrayOf(UNKNOWN),
    set: arrayOf(UNKNOWN),
    append: arrayOf(UNKNOWN),
    concat: arrayOf(UNKNOWN),
    replace: arrayOf(UNKNOWN),
    map: arrayOf(UNKNOWN),
    first: 'element',
    last: 'element',
    find: 'element',
  },
  object: {
    length: NUMBER,
    has: BOOL,
    get: 'element',
    keys: arrayOf(STRING),
    values: arrayOf(UNKNOWN),
    set: OBJECT,
    update: OBJECT,
    remove: 'same',
    merge: OBJECT,
    defaults: OBJECT,
  },
  struct: { set: 'same', merge: 'same' },
  string: {
    length: NUMBER,
    upper: STRING,
    lower: STRING,
    trim: STRING,
    contains: BOOL,
    includes: BOOL,
    starts_with: BOOL,
    ends_with: BOOL,
    slice: STRING,
    replace: STRING,
    split: arrayOf(STRING),
  },
  number: { abs: NUMBER, floor: NUMBER, ceil: NUMBER, round: NUMBER, to_fixed: STRING },
  datetime: { format: STRING, toISOString: STRING },
};

const FUNCTION_RESULTS: ReadonlyMap<string, CheckedType> = new Map([
  ['print', NIL],
  ['log', NIL],
  ['len', NUMBER],
  ['string', STRING],
  ['number', NUMBER],
  ['now', DATETIME],
  ['format_date', STRING],
  ['uuid', STRING],
  ['random', NUMBER],
  ['report_health', NIL],
  ['range', arrayOf(NUMBER)],
  ['json', STRING],
  ['type_of', STRING],
]);

const ELEMENT_CALLBACKS: ReadonlySet<string> = new Set(['map', 'filter', 'find', 'any', 'all', 'sort_by']);

/** Steps from one expression to another; beyond, a type is unknown. */
const MAX_DEPTH = 300;

export class TypeInference {
  readonly #declarations: Declarations;
  readonly #resolution: Resolution;
  readonly #types = new Map<Expression, CheckedType>();
  readonly #results = new Map<Body, CheckedType>();
  #depth = 0;
  /** What is asked for while it is being found out is unknown: a loop through itself says nothing. */
  readonly #bindings = new Map<Binding, CheckedType>();

  constructor(declarations: Declarations, resolution: Resolution) {
    this.#declarations = declarations;
    this.#resolution = resolution;
  }

  typeOf(expression: Expression): CheckedType {
    const known = this.#types.get(expression);
    if (known !== undefined) return known;
    // Variables set from one another may form a long row.
    if (this.#depth >= MAX_DEPTH) return UNKNOWN;
    this.#types.set(expression, UNKNOWN);
    this.#depth += 1;
    const type = this.#infer(expression);
    this.#depth -= 1;
    this.#types.set(expression, type);
    return type;
  }

  #infer(expression: Expression): CheckedType {
    switch (expression.kind) {
      case 'literal':
        return { kind: expression.literal.kind };
      case 'name':
        return this.#nameType(expression);
      case 'array': {
        return arrayOf(joinTypes(expression.elements.map((element) => this.typeOf(element))));
      }
      case 'object':
        return {
          kind: 'object',
          value: joinTypes(expression.entries.map((entry) => this.typeOf(entry.value))),
        };
      case 'struct':
        return this.#declarations.structs.get(expression.name.text)?.length === 1
          ? { kind: 'struct', name: expression.name.text }
          : UNKNOWN;
      case 'function':
        return FUNCTION;
      case 'set':
        return this.typeOf(expression.value);
      case 'for':
      case 'while':
        return NIL;
      case 'binary':
        return this.#binaryType(expression);
      case 'logical':
        if (expression.operator !== '??') return BOOL;
        return joinTypes([this.typeOf(expression.left), this.typeOf(expression.right)]);
      case 'unary':
        return expression.operator === '!' ? BOOL : NUMBER;
      case 'member':
        return this.#memberType(expression);
      case 'index': {
        const object = this.typeOf(expression.object);
        return elementOf(object);
      }
      case 'method':
        return this.#methodType(expression);
      case 'call':
        return this.#callType(expression);
      case 'send':
        return this.#returned(receivesOf(this.#declarations, expression.server, expression.method.text));
      case 'block':
        return this.#resultType(expression.body);
      case 'if':
      case 'try':
        return this.#joined(endsOf([expression]));
      case 'dispatch':
        return this.#dispatchType(expression);
      case 'state':
      case 'return':
      case 'throw':
      case 'missing':
        return UNKNOWN;
      default:
        return unreachable(expression);
    }
  }

  #nameType(expression: Expression & { readonly kind: 'name' }): CheckedType {
    const reference = this.#resolution.references.get(expression);
    if (reference === undefined) return UNKNOWN;
    if (reference.bindings.length === 0) return reference.isBuiltin ? FUNCTION : UNKNOWN;
    return reference.isBuiltin ? UNKNOWN : joinTypes(reference.bindings.map((one) => this.#bindingType(one)));
  }

  #bindingType(binding: Binding): CheckedType {
    const known = this.#bindings.get(binding);
    if (known !== undefined) return known;
    this.#bindings.set(binding, UNKNOWN);
    const type = this.#inferBinding(binding);
    this.#bindings.set(binding, type);
    return type;
  }

  #inferBinding(binding: Binding): CheckedType {
    const [annotation, ...others] = binding.annotations;
    if (annotation !== undefined && others.length === 0) return declaredType(annotation, this.#declarations);
    if (binding.kind === 'caught') return UNKNOWN;
    if (binding.kind === 'loop') return this.#loopType(binding);
    if (binding.kind === 'parameter') {
      // A parameter that is set again may be anything.
      return binding.assigned.length === 0 ? this.#callbackType(binding) : UNKNOWN;
    }
    const assigned = binding.assigned.map((value) => this.typeOf(value));
    return joinTypes(binding.functions.length === 0 ? assigned : [...assigned, FUNCTION]);
  }

  #loopType(binding: Binding): CheckedType {
    const [iterable, ...others] = binding.assigned;
    if (iterable === undefined || others.length > 0) return UNKNOWN;
    const type = this.typeOf(iterable);
    if (type.kind === 'array') return type.element;
    return type.kind === 'object' || type.kind === 'string' || type.kind === 'struct' ? STRING : UNKNOWN;
  }

  /** What a method of an array gives to a lambda written as its argument. */
  #callbackType(binding: Binding): CheckedType {
    if (binding.context === undefined) return UNKNOWN;
    const { call, position } = binding.context;
    const receiver = this.typeOf(call.object);
    if (receiver.kind !== 'array') return UNKNOWN;
    const method = call.member.text;
    if (method === 'reduce') return position === 1 ? receiver.element : position === 2 ? NUMBER : UNKNOWN;
    if (!ELEMENT_CALLBACKS.has(method)) return UNKNOWN;
    return position === 0 ? receiver.element : NUMBER;
  }

  #binaryType(expression: Expression & { readonly kind: 'binary' }): CheckedType {
    switch (expression.operator) {
      case '*':
      case '/':
      case '%':
        return NUMBER;
      case '+':
      case '-': {
        const left = this.typeOf(expression.left);
        const right = this.typeOf(expression.right);
        if (left.kind === 'datetime') {
          if (right.kind === 'number') return DATETIME;
          return right.kind === 'datetime' ? NUMBER : UNKNOWN;
        }
        if (left.kind !== right.kind) return UNKNOWN;
        return left.kind === 'number' || left.kind === 'string' ? left : UNKNOWN;
      }
      default:
        return BOOL;
    }
  }

  #memberType(expression: Expression & { readonly kind: 'member' }): CheckedType {
    const name = expression.member.text;
    if (expression.object.kind === 'state') return this.stateFieldType(expression.object, name);
    const object = this.typeOf(expression.object);
    switch (object.kind) {
      case 'struct': {
        const struct = this.#declarations.structs.get(object.name)?.at(-1);
        const field = struct?.fields.find((candidate) => candidate.name.text === name);
        return field === undefined ? UNKNOWN : declaredType(field.type, this.#declarations);
      }
      case 'array':
      case 'string':
        return name === 'length' ? NUMBER : UNKNOWN;
      case 'object':
        // An object's own field `length` goes before the number of its keys.
        return name === 'length' ? UNKNOWN : object.value;
      default:
        return UNKNOWN;
    }
  }

  stateFieldType(state: Expression, name: string): CheckedType {
    const field = this.#resolution.servers
      .get(state)
      ?.state.find((candidate) => candidate.name.text === name);
    return field === undefined ? UNKNOWN : declaredType(field.type, this.#declarations);
  }

  #methodType(expression: Expression & { readonly kind: 'method' }): CheckedType {
    const method = expression.member.text;
    if (expression.object.kind === 'state') {
      const [key, value] = expression.args;
      if (key?.kind !== 'literal' || key.literal.kind !== 'string') return UNKNOWN;
      if (method === 'get') return this.stateFieldType(expression.object, key.literal.value);
      return method === 'set' && value !== undefined ? this.typeOf(value) : UNKNOWN;
    }
    if (method === 'toString') return STRING;
    const object = this.typeOf(expression.object);
    const results = METHOD_RESULTS[object.kind];
    const result = results !== undefined && Object.hasOwn(results, method) ? results[method] : undefined;
    if (result === 'same') return object;
    if (result === 'element') return elementOf(object);
    const [first, second] = expression.args;
    if (object.kind === 'array' && method === 'map' && first?.kind === 'function') {
      return arrayOf(this.#functionType(first));
    }
    if (object.kind === 'object') {
      if (method === 'values') return arrayOf(object.value);
      if ((method === 'set' || method === 'update') && second !== undefined) {
        return { kind: 'object', value: joinTypes([object.value, this.typeOf(second)]) };
      }
    }
    return result ?? UNKNOWN;
  }

  #callType(expression: Expression & { readonly kind: 'call' }): CheckedType {
    if (expression.callee.kind !== 'name') return UNKNOWN;
    const reference = this.#resolution.references.get(expression.callee);
    if (reference === undefined) return UNKNOWN;
    const { bindings, receives, isBuiltin } = reference;
    if (bindings.length === 0) {
      return isBuiltin ? (FUNCTION_RESULTS.get(expression.callee.name) ?? UNKNOWN) : this.#returned(receives);
    }
    const [binding] = bindings;
    const isOneFunction = bindings.length === 1 && binding?.functions.length === 1 && !isBuiltin;
    if (!isOneFunction || binding.assigned.length > 0 || receives.length > 0) return UNKNOWN;
    return this.#functionType(binding.functions[0]!);
  }

  #functionType(definition: Pick<Receive, 'returns' | 'body'>): CheckedType {
    const { returns, body } = definition;
    return returns === undefined ? this.#resultType(body) : declaredType(returns, this.#declarations);
  }

  #resultType(body: Body): CheckedType {
    const known = this.#results.get(body);
    if (known !== undefined) return known;
    this.#results.set(body, UNKNOWN);
    const type = this.#joined(resultsOf(body));
    this.#results.set(body, type);
    return type;
  }

  #joined(parts: readonly ResultPart[]): CheckedType {
    return joinTypes(parts.map((part) => (part === undefined ? NIL : this.typeOf(part))));
  }

  /** Only if an arm is certainly taken, and none calls a function that is not written in it. */
  #dispatchType({ arms }: Expression & { readonly kind: 'dispatch' }): CheckedType {
    if (!arms.some((arm) => arm.pattern.kind === 'default')) return UNKNOWN;
    const types = arms.map(({ value }) => {
      if (value.kind === 'function') return this.#functionType(value);
      const type = this.typeOf(value);
      return type.kind === 'function' ? UNKNOWN : type;
    });
    return joinTypes(types);
  }

  /** Declared or inferred, if there is one function only. */
  #returned(receives: readonly Receive[]): CheckedType {
    const [receive, ...others] = receives;
    if (receive === undefined || others.length > 0) return UNKNOWN;
    return this.#functionType(receive);
  }
}

/** What is found by position or key, if it is there. */
function elementOf(type: CheckedType): CheckedType {
  if (type.kind === 'array') return type.element;
  return type.kind === 'object' ? type.value : UNKNOWN;
}

/** All receive functions of a name, of all definitions of a server. */
export function receivesOf(declarations: Declarations, server: string, method: string): Receive[] {
  const servers = declarations.servers.get(server) ?? [];
  return servers.flatMap((one) => one.receives.filter((receive) => receive.name.text === method));
}
