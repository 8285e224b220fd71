// What may stand at a place in a text: names in scope, keywords, methods and fields after a dot, servers and their methods after
// `send`. Works on text that is being typed, so it reads what the parser makes of it with a word put in at the place.

import { collectDeclarations, type Declarations } from '../check/declarations.ts';
import { TypeInference } from '../check/infer.ts';
import { Report } from '../check/report.ts';
import { type Resolution, resolveNames } from '../check/resolve.ts';
import { collectBindings, createScope } from '../check/scope.ts';
import { type CheckedType, TYPE_NAMES, typeText } from '../check/type.ts';
import { type Arity, builtins } from '../run/builtins/table.ts';
import type { Span } from '../source.ts';
import type { Body, Expression, Item, Parameter, Server } from '../syntax/ast.ts';
import { tokenize } from '../syntax/lexer.ts';
import { parseFile } from '../syntax/parser.ts';
import { KEYWORDS, type Token } from '../syntax/token.ts';
import { partsOf, topLevelOf } from '../syntax/walk.ts';

export type CompletionKind =
  | 'variable'
  | 'function'
  | 'builtin'
  | 'method'
  | 'field'
  | 'struct'
  | 'protocol'
  | 'server'
  | 'type'
  | 'keyword';

export interface Completion {
  readonly label: string;
  readonly kind: CompletionKind;
  /** A signature or type, if known. */
  readonly detail: string | undefined;
  readonly doc: string | undefined;
}

export interface Completions {
  /** Where the word begins that a completion replaces; it ends at the place asked about. */
  readonly start: number;
  /** Those that begin with what is typed, names nearest to the place first. */
  readonly items: readonly Completion[];
}

export interface CompletionRequest {
  readonly text: string;
  /** In UTF-16 units. */
  readonly offset: number;
  /** What else the program defines: other files, earlier inputs of a session. Its spans are never looked at. */
  readonly known?: readonly Item[];
}

/** No name of a program looks so, and it is no keyword. */
const STAND_IN = 'completion_stands_here';
const FILE = 0;

export function completionsAt({ text, offset, known = [] }: CompletionRequest): Completions {
  const inText = serverNameStart(text, offset);
  const start = inText ?? wordStart(text, offset);
  const typed = text.slice(start, offset);
  const patched = inText === undefined ? `${text.slice(0, start)}${STAND_IN}${text.slice(offset)}` : text;
  const { items } = parseFile({ name: '', text: patched }, FILE);
  const place: Place = { start, offset: start + 1, items, all: [...known, ...items], known };
  const found = inText === undefined ? candidates(patched, place) : servers(place);
  const seen = new Set<string>();
  return {
    start,
    items: found.filter(({ label }) => {
      if (!label.startsWith(typed) || label === STAND_IN || seen.has(label)) return false;
      seen.add(label);
      return true;
    }),
  };
}

interface Place {
  readonly start: number;
  /** Within the word put in. */
  readonly offset: number;
  /** Of the text itself. */
  readonly items: readonly Item[];
  readonly all: readonly Item[];
  readonly known: readonly Item[];
}

function wordStart(text: string, offset: number): number {
  let start = offset;
  while (start > 0 && /[A-Za-z0-9_]/.test(text[start - 1]!)) start -= 1;
  return start;
}

/** Where the open string after `send` or `from` begins, if the place is in one. */
function serverNameStart(text: string, offset: number): number | undefined {
  return /(?:\bsend\s*|\b(?:send|message)\s*\(\s*)"([^"\n]*)$/d.exec(text.slice(0, offset))
    ?.indices?.[1]?.[0];
}

function candidates(patched: string, place: Place): readonly Completion[] {
  const tokens = tokenize({ name: '', text: patched }, FILE, []);
  const at = tokens.findIndex((token) => token.start <= place.start && token.end > place.start);
  const token = tokens[at];
  // In a comment, a string or a number nothing is completed.
  if (token?.kind !== 'word' || token.text !== STAND_IN) return [];
  const before = tokens[at - 1];
  if (before?.kind === '.') return members(place);
  if (before?.kind === 'string' && tokens[at - 2]?.kind === 'send') return methodsOf(before.text, place);
  if (before?.kind === 'implements') return declared(place).filter(({ kind }) => kind === 'protocol');
  if (before?.kind === '->' || isTypePlace(tokens, at)) return types(place);
  // A name is being made up here.
  if (before !== undefined && NAMING.has(before.kind)) return [];
  return [...names(place), ...declared(place), ...builtinFunctions(), ...keywords()];
}

const NAMING: ReadonlySet<Token['kind']> = new Set([
  'set',
  'fn',
  'struct',
  'protocol',
  'server',
  'for',
  'catch',
]);

/** After the colon of a field, parameter or `set`, and not in an object literal. */
function isTypePlace(tokens: readonly Token[], at: number): boolean {
  if (tokens[at - 1]?.kind !== ':') return false;
  if (tokens[at - 3]?.kind === 'set') return true;
  let depth = 0;
  for (let index = at - 2; index >= 0; index -= 1) {
    const { kind } = tokens[index]!;
    if (kind === ')' || kind === ']' || kind === '}') depth += 1;
    else if (kind === '(' || kind === '[' || kind === '{') {
      depth -= 1;
      if (depth >= 0) continue;
      const [one, two] = [tokens[index - 1]?.kind, tokens[index - 2]?.kind];
      if (kind === '(') return one === 'fn' || two === 'fn';
      return kind === '{' && (one === 'state' || two === 'struct');
    }
  }
  return false;
}

// Names.

/** Variables and parameters around the place, innermost first, then globals. */
function names({ items, known, offset }: Place): readonly Completion[] {
  const rings: Completion[][] = [];
  const bindings = (expressions: readonly Expression[]): Completion[] => {
    const scope = createScope('global', undefined);
    collectBindings(expressions, scope);
    const functions = new Map(
      expressions.flatMap((one) =>
        one.kind === 'function' && one.name !== undefined ? [[one.name.text, one]] : [],
      ),
    );
    return [...scope.bindings.keys()].map((name) => {
      const made = functions.get(name);
      return made === undefined
        ? completion(name, 'variable')
        : completion(
            name,
            'function',
            signature(made.params, made.returns === undefined ? '' : typeText(made.returns)),
          );
    });
  };
  const enter = (params: readonly Parameter[], body: Body): void => {
    rings.push([
      ...params.map(({ name, type }) => completion(name.text, 'variable', type && typeText(type))),
      ...bindings(body.items),
    ]);
    for (const item of body.items) visit(item);
  };
  const visit = (expression: Expression): void => {
    if (!covers(expression.span, offset)) return;
    if (expression.kind === 'function') {
      enter(expression.params, expression.body);
      return;
    }
    if (expression.kind === 'block') rings.push(bindings(expression.body.items));
    if (expression.kind === 'for' && covers(expression.body.span, offset)) {
      rings.push([completion(expression.variable.text, 'variable')]);
    }
    if (
      expression.kind === 'try' &&
      expression.variable !== undefined &&
      covers(expression.handler.span, offset)
    ) {
      rings.push([completion(expression.variable.text, 'variable')]);
    }
    for (const part of partsOf(expression)) visit(part);
  };
  rings.push(bindings([...known, ...items].flatMap(topLevelOf)));
  for (const item of items) {
    for (const expression of topLevelOf(item)) visit(expression);
    if (item.kind !== 'server' || !covers(item.span, offset)) continue;
    const receive = item.receives.find(({ span }) => covers(span, offset));
    if (receive === undefined) continue;
    rings.push([completion('state', 'variable'), ...receives(item)]);
    enter(receive.params, receive.body);
  }
  return rings.toReversed().flat();
}

function covers(span: Span, offset: number): boolean {
  return span.start <= offset && offset <= span.end;
}

function declared({ all }: Pick<Place, 'all'>): readonly Completion[] {
  return all.flatMap((item): Completion[] => {
    if (item.kind === 'struct-declaration') {
      const fields = item.fields.map(({ name, type }) => `${name.text}: ${typeText(type)}`);
      return [completion(item.name.text, 'struct', `{${fields.join(', ')}}`)];
    }
    return item.kind === 'protocol' ? [completion(item.name.text, 'protocol')] : [];
  });
}

function types(place: Place): readonly Completion[] {
  return [...declared(place), ...[...TYPE_NAMES].map((name) => completion(name, 'type'))];
}

function builtinFunctions(): readonly Completion[] {
  return [...builtins.functions].map(([name, arity]) =>
    completion(name, 'builtin', arityDetail(arity), arity.doc),
  );
}

function keywords(): readonly Completion[] {
  return KEYWORDS.map((word) => completion(word, 'keyword'));
}

// Servers.

function servers({ all }: Place): readonly Completion[] {
  return all.flatMap((item) =>
    item.kind === 'server' ? [completion(item.name.text, 'server', undefined, item.doc)] : [],
  );
}

function methodsOf(server: string, { all }: Place): readonly Completion[] {
  const found = all.findLast((item): item is Server => item.kind === 'server' && item.name.text === server);
  return found === undefined ? [] : receives(found);
}

function receives(server: Server): readonly Completion[] {
  return server.receives.map(({ name, params, returns, doc }) =>
    completion(name.text, 'method', signature(params, returns === undefined ? '' : typeText(returns)), doc),
  );
}

// After a dot.

function members(place: Place): readonly Completion[] {
  const inference = inferenceOf(place.all);
  const found = findMember(place);
  if (found === undefined) return allMethods();
  if (found.object.kind === 'state') {
    const server = place.items.find(
      (item): item is Server => item.kind === 'server' && covers(item.span, place.offset),
    );
    const fields = (server?.state ?? []).map(({ name, type }) =>
      completion(name.text, 'field', typeText(type)),
    );
    return [...fields, completion('set', 'method', '(field, value)', 'Sets a field of the state.')];
  }
  const type = inference.types.typeOf(found.object);
  return type.kind === 'unknown'
    ? allMethods()
    : [...fieldsOf(type, found.object, inference.declarations, place.all), ...methods(type.kind)];
}

interface Inference {
  readonly types: TypeInference;
  readonly declarations: Declarations;
}

function inferenceOf(items: readonly Item[]): Inference {
  const declarations = collectDeclarations(items);
  const resolution: Resolution = resolveNames(items, new Set(builtins.functions.keys()), new Report());
  return { types: new TypeInference(declarations, resolution), declarations };
}

/** The `o.f` or `o.f(…)` whose member is the word put in. */
function findMember({
  items,
  offset,
}: Place): (Expression & { readonly kind: 'member' | 'method' }) | undefined {
  const search = (
    expressions: readonly Expression[],
  ): (Expression & { kind: 'member' | 'method' }) | undefined => {
    for (const expression of expressions) {
      if (!covers(expression.span, offset)) continue;
      const isMember = expression.kind === 'member' || expression.kind === 'method';
      if (isMember && expression.member.text === STAND_IN) return expression;
      const within = search(partsOf(expression));
      if (within !== undefined) return within;
    }
    return undefined;
  };
  return search(
    items.flatMap((item) => [
      ...topLevelOf(item),
      ...(item.kind === 'server' ? item.receives.flatMap(({ body }) => body.items) : []),
    ]),
  );
}

function fieldsOf(
  type: CheckedType,
  object: Expression,
  declarations: Declarations,
  all: readonly Item[],
): readonly Completion[] {
  if (type.kind === 'struct') {
    const fields = declarations.structs.get(type.name)?.at(-1)?.fields ?? [];
    return fields.map(({ name, type: declared }) => completion(name.text, 'field', typeText(declared)));
  }
  const literal = object.kind === 'name' ? lastSet(object.name, all) : object;
  return literal?.kind === 'object' ? literal.entries.map(({ key }) => completion(key.text, 'field')) : [];
}

/** What a global was set to last. */
function lastSet(name: string, items: readonly Item[]): Expression | undefined {
  const found = items.findLast((item) => item.kind === 'set' && item.name.text === name);
  return found?.kind === 'set' ? found.value : undefined;
}

function methods(kind: CheckedType['kind']): readonly Completion[] {
  const table = [...builtins.methods].find(([name]) => name === kind)?.[1] ?? new Map<string, Arity>();
  return [...table].map(([name, arity]) => completion(name, 'method', arityDetail(arity), arity.doc));
}

/** Of a value nobody knows: any method may fit. */
function allMethods(): readonly Completion[] {
  const kinds = new Map<string, string[]>();
  for (const [kind, table] of builtins.methods) {
    for (const name of table.keys()) kinds.set(name, [...(kinds.get(name) ?? []), kind]);
  }
  return [...kinds]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, of]) =>
      completion(name, 'method', of.length === builtins.methods.size ? 'any' : of.join(', ')),
    );
}

function arityDetail({ min, max }: Arity): string {
  if (max === Infinity) return min === 0 ? '(…)' : `(${min} or more)`;
  return min === max ? `(${min})` : `(${min} to ${max})`;
}

function signature(params: readonly Parameter[], returns: string): string {
  const shown = params.map(({ name, type }) =>
    type === undefined ? name.text : `${name.text}: ${typeText(type)}`,
  );
  return `(${shown.join(', ')})${returns === '' ? '' : ` -> ${returns}`}`;
}

function completion(label: string, kind: CompletionKind, detail?: string, doc?: string): Completion {
  return { label, kind, detail, doc };
}
