// First pass: which slot each name means, and what each function may call. Follows the order of evaluation, so that it knows which
// slots are bound for certain wherever they are used; language.md §8.

import { builtins } from '../run/builtins/table.ts';
import type {
  Body,
  Expression,
  FunctionExpression,
  Item,
  Parameter,
  Receive,
  Server,
} from '../syntax/ast.ts';
import { partsOf } from '../syntax/walk.ts';
import { collectTexts, isExpression, mayBeFunction, outsideOf, singleName } from './names.ts';
import {
  type Activation,
  declaringScope,
  type Read,
  type Scope,
  type Variable,
  type Write,
} from './scope.ts';

export const CALLBACK_METHODS: ReadonlySet<string> = new Set([
  'map',
  'filter',
  'find',
  'any',
  'all',
  'reduce',
  'sort_by',
]);

type Of<K extends Expression['kind']> = Expression & { readonly kind: K };

export interface FunctionPlan {
  readonly activation: Activation;
  readonly scope: Scope;
  /** The slot that a named function defines. */
  readonly variable: Variable | undefined;
}

/** What the second pass needs to know. */
export interface Resolution {
  readonly global: Scope;
  readonly reads: ReadonlyMap<Expression, Read>;
  readonly writes: ReadonlyMap<Expression, Write>;
  readonly functions: ReadonlyMap<FunctionExpression | Receive, FunctionPlan>;
  /** Scopes of bare blocks, loops and catch bodies. */
  readonly scopes: ReadonlyMap<Expression, Scope>;
  readonly activations: readonly Activation[];
  /** Method calls and dispatch arms that may call something unknown. */
  readonly unknownCalls: ReadonlySet<Expression>;
  /** The function that a method or arm calls for certain. */
  readonly knownCalls: ReadonlyMap<Expression, Activation>;
}

export function resolveProgram(items: readonly Item[]): Resolution {
  return new Resolver(items).run();
}

class Resolver {
  readonly #items: readonly Item[];
  readonly #reads = new Map<Expression, Read>();
  readonly #writes = new Map<Expression, Write>();
  readonly #functions = new Map<FunctionExpression | Receive, FunctionPlan>();
  readonly #scopes = new Map<Expression, Scope>();
  readonly #activations: Activation[] = [];
  readonly #unknownCalls = new Set<Expression>();
  readonly #knownCalls = new Map<Expression, Activation>();
  /** Every key and string of the program: only these can be names of fields that hold functions. */
  readonly #texts = new Set<string>();
  readonly #certain = new Set<Variable>();
  /** What became certain in each open branch, to be undone at its end. */
  readonly #branches: Variable[][] = [[]];
  #scope: Scope;
  #ids = 0;

  constructor(items: readonly Item[]) {
    this.#items = items;
    const top = this.#activation('', 0, undefined);
    this.#scope = { kind: 'global', parent: undefined, activation: top, variables: new Map() };
  }

  run(): Resolution {
    const global = this.#scope;
    collectTexts(this.#items, this.#texts);
    const topLevel = this.#items.filter(isExpression);
    this.#collectNames(topLevel, global);
    this.#findConstants(topLevel, global);
    for (const item of this.#items) this.#item(item);
    return {
      global,
      reads: this.#reads,
      writes: this.#writes,
      functions: this.#functions,
      scopes: this.#scopes,
      activations: this.#activations,
      unknownCalls: this.#unknownCalls,
      knownCalls: this.#knownCalls,
    };
  }

  #activation(name: string, arity: number, server: Server | undefined): Activation {
    const id = this.#activations.length;
    const activation: Activation = {
      id,
      js: `f${id}_${name}`,
      message: `m${id}`,
      server,
      name,
      arity,
      sends: false,
      callsUnknown: false,
      callees: new Set(),
      isValue: false,
      suspends: false,
    };
    this.#activations.push(activation);
    return activation;
  }

  #declare(scope: Scope, name: string, canBeBound = false): Variable {
    let found = scope.variables.get(name);
    if (found === undefined) {
      this.#ids += 1;
      found = { name, js: `v${this.#ids}_${name}`, scope, canBeBound, constant: undefined };
      scope.variables.set(name, found);
    }
    if (canBeBound) found.canBeBound = true;
    return found;
  }

  // Before a scope is walked: its slots.

  /** Slots for all names set or defined in a declaring scope, not in the scopes within it. */
  #collectNames(items: readonly Expression[], scope: Scope): void {
    for (const item of items) this.#collectName(item, scope, new Set());
  }

  #collectName(expression: Expression, scope: Scope, single: ReadonlySet<string>): void {
    if (expression.kind === 'block') return;
    if (expression.kind === 'function') {
      if (expression.name !== undefined) this.#declare(scope, expression.name.text, true);
      return;
    }
    if (expression.kind === 'set' && !single.has(expression.name.text)) {
      this.#declare(scope, expression.name.text);
    }
    const bound = singleName(expression);
    const outside = outsideOf(expression);
    for (const part of partsOf(expression)) {
      const inner = bound === undefined || outside.includes(part) ? single : new Set([...single, bound]);
      this.#collectName(part, scope, inner);
    }
  }

  /** Global names with exactly one definition, which captures nothing but globals. */
  #findConstants(items: readonly Expression[], global: Scope): void {
    const counts = new Map<string, number>();
    const functions: FunctionExpression[] = [];
    const count = (expression: Expression, isInSingle: boolean): void => {
      if (expression.kind === 'block') return;
      if (expression.kind === 'function') {
        const name = expression.name?.text;
        if (name === undefined) return;
        counts.set(name, (counts.get(name) ?? 0) + (isInSingle ? 2 : 1));
        functions.push(expression);
        return;
      }
      if (expression.kind === 'set') {
        counts.set(expression.name.text, (counts.get(expression.name.text) ?? 0) + 2);
      }
      const isSingle = isInSingle || singleName(expression) !== undefined;
      for (const part of partsOf(expression)) count(part, isSingle);
    };
    for (const item of items) count(item, false);
    for (const expression of functions) {
      const name = expression.name!.text;
      if (counts.get(name) !== 1) continue;
      const activation = this.#activation(name, expression.params.length, undefined);
      const variable = global.variables.get(name)!;
      variable.constant = activation;
      this.#plan(expression, activation, global, variable);
    }
  }

  #plan(
    source: FunctionExpression | Receive,
    activation: Activation,
    parent: Scope,
    variable: Variable | undefined,
  ): FunctionPlan {
    const scope: Scope = { kind: 'function', parent, activation, variables: new Map() };
    const plan = { activation, scope, variable };
    this.#functions.set(source, plan);
    return plan;
  }

  // Certainty.

  #bind(variable: Variable): void {
    if (this.#certain.has(variable)) return;
    this.#certain.add(variable);
    this.#branches.at(-1)!.push(variable);
  }

  /** Runs a part that may be left out; gives what it would make certain. */
  #branch(walk: () => void): readonly Variable[] {
    this.#branches.push([]);
    walk();
    const added = this.#branches.pop()!;
    for (const variable of added) this.#certain.delete(variable);
    return added;
  }

  #bindBoth(a: readonly Variable[], b: readonly Variable[]): void {
    const others = new Set(b);
    for (const variable of a) if (others.has(variable)) this.#bind(variable);
  }

  #within(scope: Scope, walk: () => void): void {
    const outer = this.#scope;
    this.#scope = scope;
    walk();
    this.#scope = outer;
  }

  // The walk.

  #item(item: Item): void {
    switch (item.kind) {
      case 'import':
      case 'struct-declaration':
      case 'protocol':
      case 'template':
        return;
      case 'config':
        for (const entry of item.entries) this.#expression(entry.value);
        return;
      case 'server':
        for (const field of item.state) if (field.initial !== undefined) this.#expression(field.initial);
        for (const receive of item.receives) {
          this.#plan(
            receive,
            this.#activation(receive.name.text, receive.params.length, item),
            this.#scope,
            undefined,
          );
        }
        for (const receive of item.receives) this.#function(receive);
        return;
      default:
        this.#expression(item);
    }
  }

  #function(source: FunctionExpression | Receive): void {
    const { scope } = this.#functions.get(source)!;
    this.#branch(() => {
      for (const { name } of source.params as readonly Parameter[]) {
        this.#bind(this.#declare(scope, name.text, true));
      }
      this.#collectNames(source.body.items, scope);
      this.#within(scope, () => this.#body(source.body));
    });
  }

  #body(body: Body): void {
    for (const item of body.items) this.#expression(item);
  }

  #expression(expression: Expression): void {
    switch (expression.kind) {
      case 'name':
        this.#reads.set(expression, this.#read(expression.name));
        this.#markValue(expression);
        return;
      case 'function':
        this.#functionExpression(expression);
        return;
      case 'block':
        this.#block(expression);
        return;
      case 'set':
        this.#expression(expression.value);
        this.#writes.set(expression, this.#write(expression.name.text));
        return;
      case 'if':
        this.#if(expression);
        return;
      case 'for':
        this.#expression(expression.iterable);
        this.#single(expression, expression.variable.text, expression.body);
        return;
      case 'while':
        this.#expression(expression.condition);
        this.#branch(() => this.#body(expression.body));
        return;
      case 'try':
        this.#try(expression);
        return;
      case 'logical':
        this.#expression(expression.left);
        this.#branch(() => this.#expression(expression.right));
        return;
      case 'dispatch':
        this.#dispatch(expression);
        return;
      case 'call':
        this.#call(expression);
        return;
      case 'method':
        this.#method(expression);
        return;
      case 'send':
        this.#send(expression);
        return;
      default:
        for (const part of partsOf(expression)) this.#expression(part);
    }
  }

  #functionExpression(expression: FunctionExpression): void {
    let plan = this.#functions.get(expression);
    if (plan === undefined) {
      const name = expression.name?.text;
      const { server } = this.#scope.activation;
      const activation = this.#activation(name ?? '', expression.params.length, server);
      const variable =
        name === undefined ? undefined : this.#declare(declaringScope(this.#scope), name, true);
      plan = this.#plan(expression, activation, this.#scope, variable);
      activation.isValue = true;
    }
    // The body cannot run before the name is bound.
    if (plan.variable !== undefined) this.#bind(plan.variable);
    this.#function(expression);
  }

  #block(expression: Of<'block'>): void {
    const scope: Scope = {
      kind: 'block',
      parent: this.#scope,
      activation: this.#scope.activation,
      variables: new Map(),
    };
    this.#scopes.set(expression, scope);
    this.#collectNames(expression.body.items, scope);
    // `return` may leave it early, so nothing in it makes an outer slot certain.
    this.#branch(() => this.#within(scope, () => this.#body(expression.body)));
  }

  #if(expression: Of<'if'>): void {
    this.#expression(expression.condition);
    const then = this.#branch(() => this.#body(expression.then));
    const { otherwise } = expression;
    if (otherwise !== undefined)
      this.#bindBoth(
        then,
        this.#branch(() => this.#body(otherwise)),
      );
  }

  /** The body of a loop or `catch` with its own variable. */
  #single(expression: Of<'for'> | Of<'try'>, name: string, body: Body): readonly Variable[] {
    const { activation } = this.#scope;
    const scope: Scope = { kind: 'single', parent: this.#scope, activation, variables: new Map() };
    this.#scopes.set(expression, scope);
    return this.#branch(() => {
      this.#bind(this.#declare(scope, name, true));
      this.#within(scope, () => this.#body(body));
    });
  }

  #try(expression: Of<'try'>): void {
    const tried = this.#branch(() => this.#body(expression.body));
    const { variable, handler } = expression;
    const handled =
      variable === undefined
        ? this.#branch(() => this.#body(handler))
        : this.#single(expression, variable.text, handler);
    this.#bindBoth(tried, handled);
  }

  #dispatch(expression: Of<'dispatch'>): void {
    this.#expression(expression.subject);
    for (const { value } of expression.arms) {
      this.#branch(() => this.#expression(value));
      if (value.kind === 'function') this.#callsKnown(value, this.#functions.get(value)!.activation);
      else if (mayBeFunction(value)) this.#callsUnknown(value);
    }
  }

  #callsUnknown(expression: Expression): void {
    this.#unknownCalls.add(expression);
    this.#scope.activation.callsUnknown = true;
  }

  #callsKnown(expression: Expression, activation: Activation): void {
    this.#knownCalls.set(expression, activation);
    this.#scope.activation.callees.add(activation);
  }

  #call(expression: Of<'call'>): void {
    const { callee } = expression;
    const { activation } = this.#scope;
    if (callee.kind !== 'name') {
      this.#expression(callee);
      activation.callsUnknown = true;
    } else {
      const read = this.#read(callee.name);
      this.#reads.set(callee, read);
      for (const { constant } of read.candidates) {
        if (constant === undefined) activation.callsUnknown = true;
        else activation.callees.add(constant);
      }
      if (!read.isCertain) this.#fallback(callee.name);
    }
    for (const arg of expression.args) this.#expression(arg);
  }

  /** What a called name means if no variable of that name is bound. */
  #fallback(name: string): void {
    const { activation } = this.#scope;
    const sibling = this.#sibling(activation.server, name);
    if (sibling !== undefined) activation.callees.add(sibling);
    else if (name === 'send' || name === 'message') activation.sends = true;
  }

  #sibling(server: Server | undefined, name: string): Activation | undefined {
    const receive = server?.receives.findLast((one) => one.name.text === name);
    return receive === undefined ? undefined : this.#functions.get(receive)!.activation;
  }

  #method(expression: Of<'method'>): void {
    for (const part of partsOf(expression)) this.#expression(part);
    const name = expression.member.text;
    const [callback] = expression.args;
    const isBuiltin = [...builtins.methods.values()].some((table) => table.has(name));
    if (!isBuiltin || this.#texts.has(name)) this.#callsUnknown(expression);
    else if (CALLBACK_METHODS.has(name) && callback !== undefined) {
      const known = this.#functionOf(callback);
      if (known === undefined) this.#callsUnknown(expression);
      else this.#callsKnown(expression, known);
    }
  }

  /** The function an expression certainly is. */
  #functionOf(expression: Expression): Activation | undefined {
    if (expression.kind === 'function') return this.#functions.get(expression)!.activation;
    const read = this.#reads.get(expression);
    return read?.candidates.length === 1 ? read.candidates[0]!.constant : undefined;
  }

  #send(expression: Of<'send'>): void {
    for (const entry of expression.entries) this.#expression(entry.value);
    const { activation } = this.#scope;
    if (activation.server?.name.text !== expression.server) activation.sends = true;
    else {
      const sibling = this.#sibling(activation.server, expression.method.text);
      if (sibling !== undefined) this.#callsKnown(expression, sibling);
    }
  }

  #markValue(expression: Of<'name'>): void {
    const read = this.#reads.get(expression)!;
    for (const { constant } of read.candidates) if (constant !== undefined) constant.isValue = true;
    // Naming `message` makes a function that sends, which anyone may call.
    if (!read.isCertain && expression.name === 'message') this.#addSender();
  }

  /** Stands for the built-in `message` used as a value. */
  #addSender(): void {
    const sender = this.#activation('message', -1, undefined);
    sender.sends = true;
    sender.isValue = true;
  }

  // Names.

  #read(name: string): Read {
    const candidates: Variable[] = [];
    for (let scope: Scope | undefined = this.#scope; scope !== undefined; scope = scope.parent) {
      const variable = scope.variables.get(name);
      if (variable === undefined) continue;
      candidates.push(variable);
      if (this.#certain.has(variable)) return { candidates, isCertain: true };
    }
    return { candidates, isCertain: false };
  }

  #write(name: string): Write {
    let scope = this.#scope;
    while (scope.kind === 'single' && !scope.variables.has(name)) scope = scope.parent!;
    const own = this.#declare(scope, name);
    const outer: Variable[] = [];
    let isOuterCertain = false;
    if (!this.#certain.has(own) && scope.kind !== 'global') {
      for (let at = scope.parent; at !== undefined && at.kind !== 'global'; at = at.parent) {
        const variable = at.variables.get(name);
        if (variable === undefined) continue;
        outer.push(variable);
        isOuterCertain = this.#certain.has(variable);
        if (isOuterCertain) break;
      }
    }
    if (!isOuterCertain) {
      own.canBeBound = true;
      if (outer.length === 0) this.#bind(own);
    }
    return { own, outer, isOuterCertain };
  }
}
