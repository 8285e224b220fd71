// Connects every name with what it may stand for, and says which stand for nothing. The other checks read the result.

import type { Span } from '../source.ts';
import type {
  Body,
  Expression,
  FunctionExpression,
  Item,
  Name,
  Parameter,
  Receive,
  Server,
} from '../syntax/ast.ts';
import { partsOf, topLevelOf } from '../syntax/walk.ts';
import { nearestHint } from './nearest-name.ts';
import type { Report } from './report.ts';
import {
  type Binding,
  bind,
  collectBindings,
  createScope,
  declaringScope,
  isCertain,
  localBinding,
  type Scope,
} from './scope.ts';
import { type LoopRange, UseOrder } from './use-order.ts';

type NameExpression = Expression & { readonly kind: 'name' };

/** What a name stands for where it is used. */
export interface Reference {
  /** Innermost first; several if it depends on the run which of them is bound. */
  readonly bindings: readonly Binding[];
  /** Receive functions of the server around, if the name is called. */
  readonly receives: readonly Receive[];
  readonly isBuiltin: boolean;
}

export interface Resolution {
  readonly globals: Scope;
  readonly references: ReadonlyMap<NameExpression, Reference>;
  /** Where each `set` writes. */
  readonly targets: ReadonlyMap<Expression, Binding>;
  /** What each name that binds something binds: parameters, functions, targets of `set`, loop and catch variables. */
  readonly declared: ReadonlyMap<Name, Binding>;
  /** The server whose receive function an expression is written in: for `state` and direct calls. */
  readonly servers: ReadonlyMap<Expression, Server>;
}

interface Place {
  readonly scope: Scope;
  readonly server: Server | undefined;
  /** The outermost loop around, within the same function. */
  readonly loop?: LoopRange | undefined;
}

export function resolveNames(
  items: readonly Item[],
  builtins: ReadonlySet<string>,
  report: Report,
): Resolution {
  const resolver = new Resolver(builtins, report);
  return resolver.run(items);
}

/** Looking for the nearest name costs time; who misses that many has another problem. */
const MAX_NEAREST_HINTS = 100;

class Resolver {
  readonly #builtins: ReadonlySet<string>;
  readonly #report: Report;
  readonly #globals = createScope('global', undefined);
  readonly #references = new Map<NameExpression, Reference>();
  readonly #targets = new Map<Expression, Binding>();
  readonly #declared = new Map<Name, Binding>();
  readonly #servers = new Map<Expression, Server>();
  readonly #order = new UseOrder<NameExpression>();
  readonly #called = new Set<NameExpression>();

  constructor(builtins: ReadonlySet<string>, report: Report) {
    this.#builtins = builtins;
    this.#report = report;
  }

  run(items: readonly Item[]): Resolution {
    collectBindings(items.flatMap(topLevelOf), this.#globals);
    const place: Place = { scope: this.#globals, server: undefined };
    for (const item of items) {
      for (const expression of topLevelOf(item)) this.#visit(expression, place);
      if (item.kind !== 'server') continue;
      for (const receive of item.receives) {
        this.#function(receive.params, receive.body, { scope: this.#globals, server: item });
      }
    }
    for (const expression of this.#order.tooEarly()) this.#tooEarly(expression);
    return {
      globals: this.#globals,
      references: this.#references,
      targets: this.#targets,
      declared: this.#declared,
      servers: this.#servers,
    };
  }

  #function(params: readonly Parameter[], body: Body, place: Place): Binding[] {
    const scope = createScope('function', place.scope);
    const bindings = params.map((param) => {
      this.#warnIfShadowing(param.name, place.scope);
      const binding = bind(scope, param.name.text, 'parameter');
      this.#declared.set(param.name, binding);
      if (param.type !== undefined) binding.annotations.push(param.type);
      return binding;
    });
    collectBindings(body.items, scope);
    this.#all(body.items, { ...place, scope, loop: undefined });
    return bindings;
  }

  #all(expressions: readonly Expression[], place: Place): void {
    for (const expression of expressions) this.#visit(expression, place);
  }

  #visit(expression: Expression, place: Place): void {
    if (place.server !== undefined) this.#servers.set(expression, place.server);
    switch (expression.kind) {
      case 'name':
        this.#name(expression, place, false);
        return;
      case 'state':
        if (place.server === undefined) {
          this.#report.error(
            'RL2001',
            'undefined variable: state',
            expression.span,
            'state exists inside receive functions',
          );
        }
        return;
      case 'call':
        if (expression.callee.kind === 'name') {
          if (place.server !== undefined) this.#servers.set(expression.callee, place.server);
          this.#name(expression.callee, place, true);
        } else this.#visit(expression.callee, place);
        this.#all(expression.args, place);
        return;
      case 'function':
        this.#lambda(expression, place);
        return;
      case 'method':
        this.#visit(expression.object, place);
        for (const arg of expression.args) {
          if (arg.kind !== 'function') {
            this.#visit(arg, place);
            continue;
          }
          if (place.server !== undefined) this.#servers.set(arg, place.server);
          this.#lambda(arg, place).forEach((binding, position) => {
            binding.context = { call: expression, position };
          });
        }
        return;
      case 'block': {
        const scope = createScope('block', place.scope);
        collectBindings(expression.body.items, scope);
        this.#all(expression.body.items, { ...place, scope });
        return;
      }
      case 'set':
        this.#set(expression, place);
        return;
      case 'for': {
        this.#visit(expression.iterable, place);
        const binding = this.#inner(expression.variable, 'loop', place);
        binding.assigned.push(expression.iterable);
        this.#loop([], expression.body.items, { ...place, scope: binding.scope });
        return;
      }
      case 'while':
        this.#loop([expression.condition], expression.body.items, place);
        return;
      case 'try': {
        this.#all(expression.body.items, place);
        const caught = expression.variable && this.#inner(expression.variable, 'caught', place);
        this.#all(expression.handler.items, caught === undefined ? place : { ...place, scope: caught.scope });
        return;
      }
      default:
        this.#all(partsOf(expression), place);
    }
  }

  #lambda(expression: FunctionExpression, place: Place): Binding[] {
    if (expression.name !== undefined) {
      const binding = bind(declaringScope(place.scope), expression.name.text, 'variable');
      binding.functions.push(expression);
      this.#declared.set(expression.name, binding);
      this.#order.define(binding, place.scope);
    }
    return this.#function(expression.params, expression.body, place);
  }

  #set(expression: Expression & { readonly kind: 'set' }, place: Place): void {
    const { name, type, value } = expression;
    const binding =
      localBinding(place.scope, name.text) ?? bind(declaringScope(place.scope), name.text, 'variable');
    binding.assigned.push(value);
    if (type !== undefined) binding.annotations.push(type);
    this.#targets.set(expression, binding);
    this.#declared.set(name, binding);
    this.#visit(value, place);
    this.#order.define(binding, place.scope);
  }

  #loop(head: readonly Expression[], body: readonly Expression[], place: Place): void {
    const loop: LoopRange = { start: this.#order.tick(), end: Number.POSITIVE_INFINITY };
    this.#all([...head, ...body], { ...place, loop: place.loop ?? loop });
    loop.end = this.#order.tick();
  }

  /** A scope with a loop or catch variable. */
  #inner(name: Name, kind: 'loop' | 'caught', place: Place): Binding {
    if (kind === 'loop') this.#warnIfShadowing(name, place.scope);
    const binding = bind(createScope('variable', place.scope), name.text, kind);
    this.#declared.set(name, binding);
    return binding;
  }

  #warnIfShadowing(name: Name, scope: Scope): void {
    if (localBinding(scope, name.text) === undefined) return;
    this.#report.warning('RL2003', `'${name.text}' hides another local name`, name.span);
  }

  #name(expression: NameExpression, place: Place, isCalled: boolean): void {
    const { name, span } = expression;
    const bindings: Binding[] = [];
    let isSettled = false;
    for (
      let scope: Scope | undefined = place.scope;
      scope !== undefined && !isSettled;
      scope = scope.parent
    ) {
      const binding = scope.bindings.get(name);
      if (binding === undefined) continue;
      bindings.push(binding);
      isSettled = isCertain(binding, span);
    }
    const receives =
      isSettled || !isCalled
        ? []
        : (place.server?.receives.filter((receive) => receive.name.text === name) ?? []);
    const isBuiltin = !isSettled && receives.length === 0 && (this.#builtins.has(name) || name === 'send');
    this.#references.set(expression, { bindings, receives, isBuiltin });
    const isShadowing = this.#builtins.has(name) || name === 'send';
    if (bindings.length > 0 && receives.length === 0 && !isShadowing) {
      if (isCalled) this.#called.add(expression);
      this.#order.use(expression, bindings, place.scope, place.loop);
    }
    if (bindings.length > 0 || receives.length > 0 || isBuiltin) return;
    this.#undefined(name, span, place, isCalled);
  }

  #tooEarly(expression: NameExpression): void {
    const isCalled = this.#called.has(expression);
    const what = isCalled ? 'function' : 'variable';
    const hint = `${isCalled ? 'it is defined' : 'it is set'} only further down`;
    this.#report.error('RL2001', `undefined ${what}: ${expression.name}`, expression.span, hint);
  }

  #undefinedNames = 0;

  #undefined(name: string, span: Span, place: Place, isCalled: boolean): void {
    this.#undefinedNames += 1;
    const known = new Set<string>();
    if (this.#undefinedNames <= MAX_NEAREST_HINTS) {
      for (let scope: Scope | undefined = place.scope; scope !== undefined; scope = scope.parent) {
        for (const key of scope.bindings.keys()) known.add(key);
      }
      if (isCalled) for (const receive of place.server?.receives ?? []) known.add(receive.name.text);
      for (const key of this.#builtins) known.add(key);
    }
    const field = place.server?.state.find((candidate) => candidate.name.text === name);
    const hint =
      field !== undefined && !isCalled ? `state is read with state.${name}` : nearestHint(name, known);
    this.#report.error('RL2001', `undefined ${isCalled ? 'function' : 'variable'}: ${name}`, span, hint);
  }
}
