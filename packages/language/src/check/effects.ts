// How strongly each receive function acts; language.md §15. Every region of code (the body of a function, with all functions
// written in it) is summed up once; then each receive function collects the regions it reaches, and a fixed point over literal
// sends between servers of the program gives the levels. When in doubt the answer is the stronger one: that way it is safe to be
// wrong.

import type { Body, Expression, FunctionExpression, Item, Receive, Server } from '../syntax/ast.ts';
import { partsOf, topLevelOf } from '../syntax/walk.ts';
import { literalText } from './context.ts';
import type { Declarations } from './declarations.ts';
import type { InferredEffect, Level } from './effect.ts';
import { receivesOf } from './infer.ts';
import { findNonPlain } from './plain-data.ts';
import type { Reference, Resolution } from './resolve.ts';

const STRENGTH: Readonly<Record<Level, number>> = { pure: 0, reads: 1, writes: 2 };
/** Naming these reads something from outside the program. */
const READING_BUILTINS: ReadonlySet<string> = new Set(['now', 'random', 'uuid', 'report_health']);

/** What one region does by itself, and where it leads. */
interface Region {
  level: Level;
  /** Sends that may go anywhere. */
  sendsAnywhere: boolean;
  readonly functions: Set<FunctionExpression>;
  readonly receives: Set<Receive>;
  readonly literalSends: { readonly server: string; readonly method: string }[];
  /** Names a global that may hold a function: then any function made by top-level code may be called. */
  reachesTopLevel: boolean;
}

export function inferEffects(
  items: readonly Item[],
  declarations: Declarations,
  resolution: Resolution,
): ReadonlyMap<Receive, InferredEffect> {
  const inference = new Inference(declarations, resolution, items);
  return inference.run();
}

class Inference {
  readonly #declarations: Declarations;
  readonly #resolution: Resolution;
  readonly #items: readonly Item[];
  readonly #nonPlain: ReadonlySet<unknown>;
  readonly #regions = new Map<Body, Region>();
  #topLevel: readonly FunctionExpression[] | undefined;

  constructor(declarations: Declarations, resolution: Resolution, items: readonly Item[]) {
    this.#declarations = declarations;
    this.#resolution = resolution;
    this.#items = items;
    this.#nonPlain = findNonPlain(resolution);
  }

  run(): ReadonlyMap<Receive, InferredEffect> {
    const effects = new Map<Receive, InferredEffect>();
    const sentTo = new Map<Receive, ReadonlySet<Receive>>();
    for (const servers of this.#declarations.servers.values()) {
      for (const server of servers) {
        for (const receive of server.receives) {
          const reached = this.#reach(receive, server);
          effects.set(receive, { level: reached.level, sends: reached.sends });
          sentTo.set(receive, reached.sentTo);
        }
      }
    }
    // Levels only grow, so this ends, and with the least solution.
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const [receive, targets] of sentTo) {
        const own = effects.get(receive)!;
        let level = own.level;
        for (const target of targets) level = stronger(level, effects.get(target)!.level);
        if (level === own.level) continue;
        effects.set(receive, { ...own, level });
        isStable = false;
      }
    }
    return effects;
  }

  #reach(start: Receive, server: Server) {
    const seen = new Set<Body>();
    const open: Body[] = [start.body];
    const sentTo = new Set<Receive>();
    let level: Level = 'pure';
    let sends = false;
    let hasTopLevel = false;
    for (let body = open.pop(); body !== undefined; body = open.pop()) {
      if (seen.has(body)) continue;
      seen.add(body);
      const region = this.#region(body);
      level = stronger(level, region.level);
      for (const fn of region.functions) open.push(fn.body);
      for (const receive of region.receives) open.push(receive.body);
      if (region.sendsAnywhere) {
        sends = true;
        level = 'writes';
      }
      for (const { server: name, method } of region.literalSends) {
        const targets = receivesOf(this.#declarations, name, method);
        if (name === server.name.text) {
          for (const target of targets) open.push(target.body);
          continue;
        }
        sends = true;
        if (targets.length === 0) level = 'writes';
        for (const target of targets) sentTo.add(target);
      }
      if (region.reachesTopLevel && !hasTopLevel) {
        hasTopLevel = true;
        for (const fn of this.#topLevelFunctions()) open.push(fn.body);
      }
    }
    return { level, sends, sentTo };
  }

  #region(body: Body): Region {
    const known = this.#regions.get(body);
    if (known !== undefined) return known;
    const region: Region = {
      level: 'pure',
      sendsAnywhere: false,
      functions: new Set(),
      receives: new Set(),
      literalSends: [],
      reachesTopLevel: false,
    };
    this.#regions.set(body, region);
    for (const item of body.items) this.#add(item, region);
    return region;
  }

  #add(expression: Expression, region: Region): void {
    let parts = partsOf(expression);
    switch (expression.kind) {
      case 'state':
        region.level = stronger(region.level, 'reads');
        return;
      case 'method':
        if (expression.object.kind === 'state' && expression.member.text === 'set') {
          region.level = 'writes';
          parts = expression.args;
        }
        break;
      case 'name':
        this.#addName(expression, region, false);
        return;
      case 'call':
        if (expression.callee.kind !== 'name') break;
        this.#addName(expression.callee, region, true);
        if (this.#isSend(expression.callee)) addSend(expression.args, region);
        parts = expression.args;
        break;
      case 'send':
        region.literalSends.push({ server: expression.server, method: expression.method.text });
        break;
      default:
    }
    for (const part of parts) this.#add(part, region);
  }

  #addName(expression: Expression & { readonly kind: 'name' }, region: Region, isCalled: boolean): void {
    const reference = this.#resolution.references.get(expression);
    if (reference === undefined) return;
    for (const binding of reference.bindings) {
      for (const fn of binding.functions) region.functions.add(fn);
      if (binding.scope.kind === 'global' && this.#nonPlain.has(binding)) region.reachesTopLevel = true;
    }
    for (const receive of reference.receives) region.receives.add(receive);
    if (!reference.isBuiltin) return;
    if (READING_BUILTINS.has(expression.name)) region.level = stronger(region.level, 'reads');
    // As a value it may be called with anything.
    if (expression.name === 'message' && !isCalled) region.sendsAnywhere = true;
  }

  #isSend(callee: Expression & { readonly kind: 'name' }): boolean {
    if (callee.name === 'send') return true;
    const reference: Reference | undefined = this.#resolution.references.get(callee);
    return callee.name === 'message' && reference?.isBuiltin === true;
  }

  /** Lambdas written in top-level code, functions used there as values, and functions named there. */
  #topLevelFunctions(): readonly FunctionExpression[] {
    if (this.#topLevel !== undefined) return this.#topLevel;
    const found = new Set<FunctionExpression>();
    const visit = (expression: Expression): void => {
      if (expression.kind === 'function') {
        found.add(expression);
        return;
      }
      if (expression.kind === 'name') {
        for (const binding of this.#resolution.references.get(expression)?.bindings ?? []) {
          for (const fn of binding.functions) found.add(fn);
        }
      }
      for (const part of partsOf(expression)) visit(part);
    };
    for (const item of this.#items) {
      // Defining a function makes it no value: only its name leads to it.
      if (item.kind === 'function' && item.name !== undefined) continue;
      for (const expression of topLevelOf(item)) visit(expression);
    }
    this.#topLevel = [...found];
    return this.#topLevel;
  }
}

function addSend(args: readonly Expression[], region: Region): void {
  const server = literalText(args[0]);
  const method = literalText(args[1]);
  if (server === undefined || method === undefined) region.sendsAnywhere = true;
  else region.literalSends.push({ server, method });
}

function stronger(a: Level, b: Level): Level {
  return STRENGTH[a] >= STRENGTH[b] ? a : b;
}
