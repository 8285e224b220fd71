// A program that is entered piece by piece. Every piece becomes modules of its own, all of which share the globals of one run time;
// the checker always sees everything that counts so far, so that it knows what earlier pieces defined.

import { type CheckResult, checkProgram } from '../check/check.ts';
import { collectDeclarations } from '../check/declarations.ts';
import type { InferredEffect } from '../check/effect.ts';
import { TypeInference } from '../check/infer.ts';
import { Report } from '../check/report.ts';
import { resolveNames } from '../check/resolve.ts';
import { collectBindings, createScope } from '../check/scope.ts';
import type { ServiceInterface } from '../check/service-interface.ts';
import { type CheckedType, typeText } from '../check/type.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { builtins } from '../run/builtins/table.ts';
import type { SourceFile } from '../source.ts';
import type { Expression, FunctionExpression, Item, Receive } from '../syntax/ast.ts';
import { type LoadedProgram, loadProgram } from '../syntax/load.ts';
import { partsOf } from '../syntax/walk.ts';
import { isExpression } from './names.ts';
import { compileModule } from './program-module.ts';

/** What is run at once; after an error in it the next unit still runs. */
export interface SessionUnit {
  /** Text of an ES module, as that of a program; it must run with the run time and the message of all units of its session. */
  readonly code: string;
  /** The variable, if it is a `set`. */
  readonly variable: string | undefined;
}

export interface SessionInput {
  /** Of lexer, parser and imports. With an error among them nothing of this input is known or run. */
  readonly diagnostics: readonly Diagnostic[];
  /** What the checker says of it. Names that are not bound yet are left to the run, since a later input may bind them. */
  readonly findings: readonly Diagnostic[];
  /** Of names that nothing binds so far, with hints. */
  readonly undefinedNames: readonly Diagnostic[];
  readonly units: readonly SessionUnit[];
  /** As they run, those of imported files included. */
  readonly items: readonly Item[];
}

export type TypeAnswer =
  | { readonly ok: true; readonly type: string }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

type Read = (path: string) => string | undefined;

export class CompileSession {
  #files: readonly SourceFile[] = [];
  /** What later inputs have to know: definitions, without those that were replaced. */
  #items: readonly Item[] = [];
  readonly #loaded = new Set<string>();
  #services: readonly ServiceInterface[] = [];

  /** Of all inputs; diagnostics refer to them. */
  get files(): readonly SourceFile[] {
    return this.#files;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  get services(): readonly ServiceInterface[] {
    return this.#services;
  }

  /** Text at a prompt: a unit for each item. `path` names it and says to what its imports are relative. */
  enter(path: string, text: string, read: Read): SessionInput {
    const readAll: Read = (asked) => (asked === path ? text : read(asked));
    const isLoaded = (asked: string): boolean => this.#loaded.has(asked);
    return this.#take(
      loadProgram(path, this.#remembering(path, readAll), { files: this.#files, isLoaded }),
      true,
    );
  }

  /** A program file and what it imports, as one unit; read anew if it was there before. */
  load(path: string, read: Read): SessionInput {
    const isLoaded = (): boolean => false;
    return this.#take(
      loadProgram(path, this.#remembering('', read), { files: this.#files, isLoaded }),
      false,
    );
  }

  /** The type of an expression as the checker sees it, without running it. */
  typeOf(text: string): TypeAnswer {
    const name = 'type';
    const loaded = loadProgram(name, (asked) => (asked === name ? text : undefined), {
      files: this.#files,
      isLoaded: () => false,
    });
    const [item] = loaded.items;
    const file = this.#files.length;
    const span = { file, start: 0, end: text.length };
    if (hasError(loaded.diagnostics)) return { ok: false, diagnostics: loaded.diagnostics };
    if (item === undefined || loaded.items.length > 1 || !isExpression(item)) {
      const problem = {
        code: 'RL1010',
        severity: 'error',
        message: 'one expression is expected',
        span,
      } as const;
      return { ok: false, diagnostics: [problem] };
    }
    const items = [...this.#items, item];
    const declarations = collectDeclarations(items);
    const report = new Report();
    const resolution = resolveNames(items, new Set(builtins.functions.keys()), report);
    const undefinedNames = report.diagnostics
      .filter(isUndefinedName)
      .filter((found) => found.span.file === file);
    if (undefinedNames.length > 0) return { ok: false, diagnostics: undefinedNames };
    const signature = this.#functionOf(item);
    if (signature !== undefined) return { ok: true, type: signatureText(signature) };
    return { ok: true, type: checkedTypeText(new TypeInference(declarations, resolution).typeOf(item)) };
  }

  #functionOf(item: Expression): FunctionExpression | undefined {
    if (item.kind === 'function') return item;
    if (item.kind !== 'name') return undefined;
    const found = this.#items.findLast((one) => definitionOf(one) === `variable ${item.name}`);
    return found?.kind === 'function' ? found : undefined;
  }

  /** Notes what was read, but for the text of the prompt. */
  #remembering(except: string, read: Read): Read {
    return (asked) => {
      const text = read(asked);
      if (text !== undefined && asked !== except) this.#loaded.add(asked);
      return text;
    };
  }

  #take(loaded: LoadedProgram, isDivided: boolean): SessionInput {
    const { diagnostics, items } = loaded;
    const first = this.#files.length;
    this.#files = loaded.files;
    if (hasError(diagnostics)) return { diagnostics, findings: [], undefinedNames: [], units: [], items: [] };
    const checked = this.#check(items);
    const found = checked.diagnostics.filter(({ span }) => span.file >= first);
    const unused = new Set(items.map(({ span }) => `${span.file}:${span.start}`));
    const findings = found.filter(
      ({ code, span }) =>
        code !== 'RL2001' &&
        // The value of an item is shown, so it is not discarded.
        !(isDivided && code === 'RL5001' && unused.has(`${span.file}:${span.start}`)),
    );
    const effects = openEffects(checked.effects);
    const units = isDivided ? divide(items, first) : [items];
    return {
      diagnostics,
      findings,
      undefinedNames: found.filter(isUndefinedName),
      items,
      units: units.map((unit) => {
        const last = unit.at(-1);
        return {
          code: compileModule(unit, this.#files, effects, true).code,
          variable: last?.kind === 'set' ? last.name.text : undefined,
        };
      }),
    };
  }

  #check(items: readonly Item[]): CheckResult {
    const checked = checkProgram(
      { files: this.#files, items: [...withoutReplaced(this.#items, items), ...items] },
      builtins,
    );
    this.#items = [...withoutReplaced(this.#items, items), ...items.filter(definesSomething)];
    this.#services = checked.services;
    return checked;
  }
}

function hasError(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

function isUndefinedName({ code }: Diagnostic): boolean {
  return code === 'RL2001';
}

/** One unit for each item of the input itself; the items of an imported file belong to the `import`. */
function divide(items: readonly Item[], file: number): readonly (readonly Item[])[] {
  const units: Item[][] = [];
  let imported: Item[] = [];
  for (const item of items) {
    imported.push(item);
    if (item.span.file !== file) continue;
    units.push(imported);
    imported = [];
  }
  return units;
}

/**
 * What a receive function does with its own state is written in its server, so that is certain. Whether it sends is not: it may
 * call functions that a later input defines or replaces.
 */
function openEffects(effects: ReadonlyMap<Receive, InferredEffect>): ReadonlyMap<Receive, InferredEffect> {
  return new Map([...effects].map(([receive, { level }]) => [receive, { level, sends: true }]));
}

function withoutReplaced(before: readonly Item[], items: readonly Item[]): readonly Item[] {
  const replaced = new Set<string>();
  for (const item of items) {
    const name = definitionOf(item);
    // `set n = n + 1` still means what was there before.
    if (name !== undefined && !(item.kind === 'set' && mentions(item.value, item.name.text)))
      replaced.add(name);
  }
  if (replaced.size === 0) return before;
  return before.filter((item) => {
    const name = definitionOf(item);
    return name === undefined || !replaced.has(name);
  });
}

function definitionOf(item: Item): string | undefined {
  switch (item.kind) {
    case 'struct-declaration':
    case 'protocol':
    case 'server':
      return `${item.kind} ${item.name.text}`;
    case 'function':
      return item.name === undefined ? undefined : `variable ${item.name.text}`;
    case 'set':
      return `variable ${item.name.text}`;
    default:
      return undefined;
  }
}

function definesSomething(item: Item): boolean {
  if (!isExpression(item)) return item.kind !== 'import' && item.kind !== 'config';
  const scope = createScope('global', undefined);
  collectBindings([item], scope);
  return scope.bindings.size > 0;
}

function mentions(expression: Expression, name: string): boolean {
  if (expression.kind === 'name' && expression.name === name) return true;
  return partsOf(expression).some((part) => mentions(part, name));
}

function checkedTypeText(type: CheckedType): string {
  switch (type.kind) {
    case 'unknown':
      return 'any';
    case 'array':
      return type.element.kind === 'unknown' ? 'array' : `[${checkedTypeText(type.element)}]`;
    case 'object':
      return type.value.kind === 'unknown' ? 'object' : `{string: ${checkedTypeText(type.value)}}`;
    case 'struct':
      return type.name;
    default:
      return type.kind;
  }
}

function signatureText({ params, returns }: FunctionExpression): string {
  const shown = params.map(({ name, type }) =>
    type === undefined ? name.text : `${name.text}: ${typeText(type)}`,
  );
  return `fn(${shown.join(', ')})${returns === undefined ? '' : ` -> ${typeText(returns)}`}`;
}
