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
import { Certainty } from './certainty.ts';
import { collectTexts, isExpression, mayBeFunction } from './names.ts';
import type { FunctionPlan, Resolution } from './resolution.ts';
import {
  type Activation,
  declaringScope,
  type Read,
  type Scope,
  type Variable,
  type Write,
} from './scope.ts';
import { definedOnce, Slots } from './slots.ts';

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

/**
 * `isSession`: the items are a part of a program whose other parts are not known. `pages`: functions below the global scope, run
 * when the top-level code is over. They come last, so that the slots of everything else do not depend on them.
 */
export function resolveProgram(
  items: readonly Item[],
  isSession = false,
  pages: readonly FunctionExpression[] = [],
): Resolution {
  return new Resolver(items, isSession, pages).run();
}

class Resolver {
  readonly #items: readonly Item[];
  readonly #pages: readonly FunctionExpression[];
  #isInPage = false;
  readonly #reads = new Map<Expression, Read>();
  readonly #writes = new Map<Expression, Write>();
  readonly #functions = new Map<FunctionExpression | Receive, FunctionPlan>();
  readonly #scopes = new Map<Expression, Scope>();
  readonly #activations: Activation[] = [];
  readonly #unknownCalls = new Set<Expression>();
  readonly #knownCalls = new Map<Expression, Activation>();
  /** Every key and string of the program: only these can be names of fields that hold functions. */
  readonly #texts = new Set<string>();
  readonly #certainty = new Certainty();
  readonly #slots: Slots;
  readonly #isSession: boolean;
  #scope: Scope;

  constructor(items: readonly Item[], isSession: boolean, pages: readonly FunctionExpression[]) {
    this.#items = items;
    this.#pages = pages;
    this.#isSession = isSession;
    this.#slots = new Slots(isSession);
    const top = this.#activation('', 0, undefined);
    this.#scope = { kind: 'global', parent: undefined, activation: top, variables: new Map() };
  }

  run(): Resolution {
    const global = this.#scope;
    collectTexts([...this.#items, ...this.#pages], this.#texts);
    const topLevel = this.#items.filter(isExpression);
    this.#slots.collect(topLevel, global);
    if (!this.#isSession) this.#findConstants(topLevel, global);
    for (const item of this.#items) this.#item(item);
    this.#isInPage = true;
    for (const page of this.#pages) {
      this.#plan(page, this.#activation('page', page.params.length, undefined), global, undefined);
      this.#function(page);
    }
    return {
      isSession: this.#isSession,
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

  /** Global names with exactly one definition, which captures nothing but globals. */
  #findConstants(items: readonly Expression[], global: Scope): void {
    for (const expression of definedOnce(items)) {
      const name = expression.name!.text;
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
    this.#certainty.branch(() => {
      for (const { name } of source.params as readonly Parameter[]) {
        this.#certainty.bind(this.#slots.declare(scope, name.text, true));
      }
      this.#slots.collect(source.body.items, scope);
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
        this.#certainty.branch(() => this.#body(expression.body));
        return;
      case 'try':
        this.#try(expression);
        return;
      case 'logical':
        this.#expression(expression.left);
        this.#certainty.branch(() => this.#expression(expression.right));
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
        name === undefined ? undefined : this.#slots.declare(declaringScope(this.#scope), name, true);
      plan = this.#plan(expression, activation, this.#scope, variable);
      activation.isValue = true;
    }
    // The body cannot run before the name is bound.
    if (plan.variable !== undefined) this.#certainty.bind(plan.variable);
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
    this.#slots.collect(expression.body.items, scope);
    // `return` may leave it early, so nothing in it makes an outer slot certain.
    this.#certainty.branch(() => this.#within(scope, () => this.#body(expression.body)));
  }

  #if(expression: Of<'if'>): void {
    this.#expression(expression.condition);
    const then = this.#certainty.branch(() => this.#body(expression.then));
    const { otherwise } = expression;
    if (otherwise !== undefined)
      this.#certainty.bindBoth(
        then,
        this.#certainty.branch(() => this.#body(otherwise)),
      );
  }

  /** The body of a loop or `catch` with its own variable. */
  #single(expression: Of<'for'> | Of<'try'>, name: string, body: Body): readonly Variable[] {
    const { activation } = this.#scope;
    const scope: Scope = { kind: 'single', parent: this.#scope, activation, variables: new Map() };
    this.#scopes.set(expression, scope);
    return this.#certainty.branch(() => {
      this.#certainty.bind(this.#slots.declare(scope, name, true));
      this.#within(scope, () => this.#body(body));
    });
  }

  #try(expression: Of<'try'>): void {
    const tried = this.#certainty.branch(() => this.#body(expression.body));
    const { variable, handler } = expression;
    const handled =
      variable === undefined
        ? this.#certainty.branch(() => this.#body(handler))
        : this.#single(expression, variable.text, handler);
    this.#certainty.bindBoth(tried, handled);
  }

  #dispatch(expression: Of<'dispatch'>): void {
    this.#expression(expression.subject);
    for (const { value } of expression.arms) {
      this.#certainty.branch(() => this.#expression(value));
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
      // There it may be a field of the page's result.
      if (!read.isCertain && this.#isInPage) activation.callsUnknown = true;
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
    if (!isBuiltin || this.#isSession || this.#texts.has(name)) this.#callsUnknown(expression);
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
      let variable = scope.variables.get(name);
      if (this.#isSession && scope.kind === 'global') variable ??= this.#slots.declare(scope, name);
      if (variable === undefined) continue;
      candidates.push(variable);
      if (this.#certainty.has(variable)) return { candidates, isCertain: true };
    }
    return { candidates, isCertain: false };
  }

  #write(name: string): Write {
    let scope = this.#scope;
    while (scope.kind === 'single' && !scope.variables.has(name)) scope = scope.parent!;
    const own = this.#slots.declare(scope, name);
    const outer: Variable[] = [];
    let isOuterCertain = false;
    if (!this.#certainty.has(own) && scope.kind !== 'global') {
      for (let at = scope.parent; at !== undefined && at.kind !== 'global'; at = at.parent) {
        const variable = at.variables.get(name);
        if (variable === undefined) continue;
        outer.push(variable);
        isOuterCertain = this.#certainty.has(variable);
        if (isOuterCertain) break;
      }
    }
    if (!isOuterCertain) {
      own.canBeBound = true;
      if (outer.length === 0) this.#certainty.bind(own);
    }
    return { own, outer, isOuterCertain };
  }
}
