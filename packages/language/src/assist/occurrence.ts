// Every place where a program names something, with what it names. Places of one thing share a group, so that it can be renamed.

import { visitAll } from '../check/context.ts';
import type { Declarations, ProtocolDeclaration, StructDeclaration } from '../check/declarations.ts';
import type { TypeInference } from '../check/infer.ts';
import type { Resolution } from '../check/resolve.ts';
import type { Binding } from '../check/scope.ts';
import type { Span } from '../source.ts';
import type {
  Entry,
  Expression,
  Field,
  Item,
  Name,
  Parameter,
  ProtocolMethod,
  Receive,
  Server,
  TypeExpression,
} from '../syntax/ast.ts';
import { tokenize } from '../syntax/lexer.ts';
import type { LoadedProgram } from '../syntax/load.ts';
import type { Token } from '../syntax/token.ts';

/** What a name may stand for. */
export type Entity =
  | { readonly kind: 'binding'; readonly binding: Binding }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'method'; readonly name: string; readonly receiver: string }
  | { readonly kind: 'receive'; readonly server: Server; readonly receive: Receive }
  | { readonly kind: 'server'; readonly server: Server }
  | { readonly kind: 'struct'; readonly struct: StructDeclaration }
  | { readonly kind: 'protocol'; readonly protocol: ProtocolDeclaration }
  | {
      readonly kind: 'protocol-method';
      readonly protocol: ProtocolDeclaration;
      readonly method: ProtocolMethod;
    }
  | { readonly kind: 'field'; readonly owner: string; readonly field: Field }
  | { readonly kind: 'argument'; readonly receive: Receive; readonly parameter: Parameter }
  | { readonly kind: 'import'; readonly path: string };

export interface Occurrence {
  /** Of the name alone, without quotes or colon. */
  readonly span: Span;
  readonly name: string;
  readonly entity: Entity;
  /** The same for all names of one thing. */
  readonly group: string;
  readonly isDefinition: boolean;
}

export function collectOccurrences(
  program: LoadedProgram,
  declarations: Declarations,
  resolution: Resolution,
  types: TypeInference,
): Occurrence[] {
  return new Collector(program, declarations, resolution, types).run();
}

class Collector {
  readonly #program: LoadedProgram;
  readonly #declarations: Declarations;
  readonly #resolution: Resolution;
  readonly #types: TypeInference;
  readonly #found: Occurrence[] = [];
  readonly #bindings = new Map<Binding, string>();
  /** Groups that turned out to be one. */
  readonly #merged = new Map<string, string>();
  readonly #tokens = new Map<number, readonly Token[]>();

  constructor(
    program: LoadedProgram,
    declarations: Declarations,
    resolution: Resolution,
    types: TypeInference,
  ) {
    this.#program = program;
    this.#declarations = declarations;
    this.#resolution = resolution;
    this.#types = types;
  }

  run(): Occurrence[] {
    for (const [name, binding] of this.#resolution.declared) {
      this.#add(name.span, name.text, { kind: 'binding', binding }, this.#bindingGroup(binding), true);
    }
    for (const item of this.#program.items) this.#item(item);
    visitAll(this.#program.items, (expression) => this.#expression(expression));
    // A place may be visited for several reasons; the first one is the nearest.
    const seen = new Set<string>();
    return this.#found
      .map((occurrence) => ({ ...occurrence, group: this.#root(occurrence.group) }))
      .filter(({ span }) => {
        const place = `${span.file}:${span.start}`;
        return !seen.has(place) && seen.add(place);
      })
      .toSorted((a, b) => a.span.file - b.span.file || a.span.start - b.span.start);
  }

  #add(span: Span, name: string, entity: Entity, group: string, isDefinition = false): void {
    const { text } = this.#program.files[span.file] ?? { text: '' };
    // Keys and texts have quotes or a colon around the name.
    const offset = text.slice(span.start, span.end).indexOf(name);
    if (name === '' || offset < 0 || offset > 1) return;
    const start = span.start + offset;
    const place = { file: span.file, start, end: start + name.length };
    this.#found.push({ span: place, name, entity, group, isDefinition });
  }

  #bindingGroup(binding: Binding): string {
    const known = this.#bindings.get(binding);
    if (known !== undefined) return known;
    const group = `binding ${this.#bindings.size}`;
    this.#bindings.set(binding, group);
    return group;
  }

  #root(group: string): string {
    let at = group;
    for (let next = this.#merged.get(at); next !== undefined; next = this.#merged.get(at)) at = next;
    return at;
  }

  #merge(a: string, b: string): void {
    const [from, to] = [this.#root(a), this.#root(b)];
    if (from !== to) this.#merged.set(from, to);
  }

  #item(item: Item): void {
    switch (item.kind) {
      case 'import': {
        const token = this.#tokenAfter(item.span, 1);
        if (token !== undefined) this.#add(token, item.path, { kind: 'import', path: item.path }, 'import');
        return;
      }
      case 'struct-declaration':
        this.#add(
          item.name.span,
          item.name.text,
          { kind: 'struct', struct: item },
          `struct ${item.name.text}`,
          true,
        );
        for (const field of item.fields) this.#field(item.name.text, field);
        return;
      case 'protocol':
        this.#protocol(item);
        return;
      case 'template': {
        const { text, span } = item.method;
        this.#params(item.params);
        const owners = [...this.#declarations.servers.values()].flatMap((servers) => servers.slice(-1));
        const owner = owners.find((server) => this.#receive(server, text) !== undefined);
        if (owner !== undefined) this.#named(owner.name.text, text, span);
        else {
          const binding = this.#resolution.globals.bindings.get(text);
          if (binding !== undefined) this.#binding(span, text, [binding]);
        }
        return;
      }
      case 'server':
        this.#server(item);
        return;
      default:
    }
  }

  #protocol(protocol: ProtocolDeclaration): void {
    const { name } = protocol;
    this.#add(name.span, name.text, { kind: 'protocol', protocol }, `protocol ${name.text}`, true);
    for (const method of protocol.methods) {
      const group = `protocol-method ${name.text}.${method.name.text}`;
      this.#add(
        method.name.span,
        method.name.text,
        { kind: 'protocol-method', protocol, method },
        group,
        true,
      );
      this.#params(method.params);
      this.#type(method.returns);
    }
  }

  #server(server: Server): void {
    const name = server.name.text;
    this.#add(server.name.span, name, { kind: 'server', server }, `server ${name}`, true);
    const wanted = server.implements;
    const protocol = wanted && this.#declarations.protocols.get(wanted.text)?.at(-1);
    if (wanted !== undefined && protocol !== undefined) {
      this.#add(wanted.span, wanted.text, { kind: 'protocol', protocol }, `protocol ${wanted.text}`);
    }
    for (const field of server.state) this.#field(`server ${name}`, field);
    for (const receive of server.receives) {
      const method = receive.name.text;
      const group = `receive ${name}.${method}`;
      this.#add(receive.name.span, method, { kind: 'receive', server, receive }, group, true);
      this.#params(receive.params);
      this.#type(receive.returns);
      // What a protocol asks for keeps its name with it.
      const isAsked = protocol?.methods.some((asked) => asked.name.text === method) === true;
      if (isAsked) this.#merge(group, `protocol-method ${protocol.name.text}.${method}`);
    }
  }

  #field(owner: string, field: Field): void {
    this.#add(
      field.name.span,
      field.name.text,
      { kind: 'field', owner, field },
      `field ${owner}.${field.name.text}`,
      true,
    );
    this.#type(field.type);
  }

  #params(params: readonly Parameter[]): void {
    for (const { type } of params) this.#type(type);
  }

  #type(type: TypeExpression | undefined): void {
    if (type === undefined) return;
    switch (type.kind) {
      case 'array':
        this.#type(type.element);
        return;
      case 'map':
        this.#type(type.key);
        this.#type(type.value);
        return;
      case 'fn':
        for (const param of type.params) this.#type(param);
        this.#type(type.returns);
        return;
      case 'named': {
        const { name, span } = type;
        for (const arg of type.args) this.#type(arg);
        const place = { ...span, end: span.start + name.length };
        const struct = this.#declarations.structs.get(name)?.at(-1);
        const protocol = this.#declarations.protocols.get(name)?.at(-1);
        if (struct !== undefined) this.#add(place, name, { kind: 'struct', struct }, `struct ${name}`);
        else if (protocol !== undefined)
          this.#add(place, name, { kind: 'protocol', protocol }, `protocol ${name}`);
      }
    }
  }

  #expression(expression: Expression): void {
    switch (expression.kind) {
      case 'name':
        this.#name(expression);
        return;
      case 'set':
        this.#type(expression.type);
        return;
      case 'function':
        this.#params(expression.params);
        this.#type(expression.returns);
        return;
      case 'struct':
        this.#structLiteral(expression.name, expression.entries);
        return;
      case 'send': {
        const token = this.#tokenAfter(expression.span, 1);
        if (token !== undefined) this.#serverName(token, expression.server);
        this.#named(expression.server, expression.method.text, expression.method.span);
        this.#arguments(expression);
        return;
      }
      case 'call':
        this.#positionalSend(expression);
        return;
      case 'member':
      case 'method':
        this.#member(expression);
        return;
      default:
    }
  }

  #name(expression: Expression & { readonly kind: 'name' }): void {
    const { name, span } = expression;
    const reference = this.#resolution.references.get(expression);
    if (reference === undefined) return;
    const server = this.#resolution.servers.get(expression);
    const [receive] = reference.receives;
    if (reference.bindings.length > 0) {
      this.#binding(span, name, reference.bindings);
      const [binding] = reference.bindings;
      // Which of them it is depends on the run.
      if (receive !== undefined && server !== undefined && binding !== undefined) {
        this.#merge(this.#bindingGroup(binding), `receive ${server.name.text}.${name}`);
      }
    } else if (receive !== undefined && server !== undefined) {
      this.#add(span, name, { kind: 'receive', server, receive }, `receive ${server.name.text}.${name}`);
    } else if (reference.isBuiltin) {
      this.#add(span, name, { kind: 'builtin', name }, `builtin ${name}`);
    }
  }

  #binding(span: Span, name: string, bindings: readonly Binding[]): void {
    const [binding, ...others] = bindings;
    if (binding === undefined) return;
    const group = this.#bindingGroup(binding);
    for (const other of others) this.#merge(this.#bindingGroup(other), group);
    this.#add(span, name, { kind: 'binding', binding }, group);
  }

  #structLiteral(name: Name, entries: readonly Entry[]): void {
    const struct = this.#declarations.structs.get(name.text)?.at(-1);
    if (struct === undefined) return;
    this.#add(name.span, name.text, { kind: 'struct', struct }, `struct ${name.text}`);
    for (const { key } of entries) this.#fieldUse(name.text, struct.fields, key.text, key.span);
  }

  #fieldUse(owner: string, fields: readonly Field[], name: string, span: Span): void {
    const field = fields.find((candidate) => candidate.name.text === name);
    if (field !== undefined) this.#add(span, name, { kind: 'field', owner, field }, `field ${owner}.${name}`);
  }

  #member(expression: Expression & { readonly kind: 'member' | 'method' }): void {
    const { object, member } = expression;
    const server = object.kind === 'state' ? this.#resolution.servers.get(object) : undefined;
    if (server !== undefined) {
      const owner = `server ${server.name.text}`;
      if (expression.kind === 'member') this.#fieldUse(owner, server.state, member.text, member.span);
      else {
        this.#method(member, 'object');
        const [key] = expression.args;
        const isKey = key?.kind === 'literal' && key.literal.kind === 'string';
        if (isKey) this.#fieldUse(owner, server.state, key.literal.value as string, key.span);
      }
      return;
    }
    const type = this.#types.typeOf(object);
    if (expression.kind === 'method') this.#method(member, type.kind);
    else if (type.kind === 'struct') {
      const fields = this.#declarations.structs.get(type.name)?.at(-1)?.fields ?? [];
      this.#fieldUse(type.name, fields, member.text, member.span);
    }
  }

  #method(member: Name, receiver: string): void {
    this.#add(
      member.span,
      member.text,
      { kind: 'method', name: member.text, receiver },
      `method ${member.text}`,
    );
  }

  /** `send("s", "m", …)` and `message("s", "m", …)`. */
  #positionalSend({ callee, args }: Expression & { readonly kind: 'call' }): void {
    if (callee.kind !== 'name' || (callee.name !== 'send' && callee.name !== 'message')) return;
    if (this.#resolution.references.get(callee)?.isBuiltin !== true) return;
    const [server, method] = args;
    if (server?.kind !== 'literal' || server.literal.kind !== 'string') return;
    this.#serverName(server.span, server.literal.value);
    if (method?.kind !== 'literal' || method.literal.kind !== 'string') return;
    this.#named(server.literal.value, method.literal.value, method.span);
  }

  #serverName(span: Span, name: string): void {
    const server = this.#declarations.servers.get(name)?.at(-1);
    if (server !== undefined) this.#add(span, name, { kind: 'server', server }, `server ${name}`);
  }

  #receive(server: Server, method: string): Receive | undefined {
    return server.receives.findLast((receive) => receive.name.text === method);
  }

  /** A receive function of a server, by their names. */
  #named(serverName: string, method: string, span: Span): void {
    const server = this.#declarations.servers.get(serverName)?.at(-1);
    const receive = server && this.#receive(server, method);
    if (server === undefined || receive === undefined) return;
    this.#add(span, method, { kind: 'receive', server, receive }, `receive ${serverName}.${method}`);
  }

  /** Arguments by name belong to the parameter. */
  #arguments(expression: Expression & { readonly kind: 'send' }): void {
    const server = this.#declarations.servers.get(expression.server)?.at(-1);
    const receive = server && this.#receive(server, expression.method.text);
    for (const { key } of expression.entries) {
      const parameter = receive?.params.find(({ name }) => name.text === key.text);
      if (receive === undefined || parameter === undefined) continue;
      const binding = this.#resolution.declared.get(parameter.name);
      if (binding === undefined) continue;
      this.#add(key.span, key.text, { kind: 'argument', receive, parameter }, this.#bindingGroup(binding));
    }
  }

  /** The token so many places behind the one a span begins with. */
  #tokenAfter(span: Span, distance: number): Span | undefined {
    const source = this.#program.files[span.file];
    if (source === undefined) return undefined;
    let tokens = this.#tokens.get(span.file);
    if (tokens === undefined) {
      tokens = tokenize(source, span.file, []);
      this.#tokens.set(span.file, tokens);
    }
    let low = 0;
    let high = tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tokens[middle]!.start < span.start) low = middle + 1;
      else high = middle;
    }
    const token = tokens[low + distance];
    return token && { file: span.file, start: token.start, end: token.end };
  }
}
