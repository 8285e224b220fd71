// The code of one function as it grows. JavaScript tells statements from expressions and Relay does not: an expression that needs
// statements emits them first, and what was to be evaluated before them is kept in a temporary.

import type { Span } from '../source.ts';
import type { Expression } from '../syntax/ast.ts';
import type { Code, Exit, Line, Target } from './code.ts';
import { simple } from './code.ts';
import type { ModuleBuilder } from './module-builder.ts';
import type { Activation } from './scope.ts';

/** How forms are compiled; handed in, since forms contain each other. */
export interface Forms {
  expression(body: BodyBuilder, expression: Expression): Code;
  statement(body: BodyBuilder, expression: Expression, target: Target): void;
}

export class BodyBuilder {
  readonly module: ModuleBuilder;
  readonly activation: Activation;
  readonly forms: Forms;
  readonly temps: string[] = [];
  lines: Line[] = [];
  exit: Exit | undefined;

  constructor(module: ModuleBuilder, activation: Activation, forms: Forms, exit: Exit | undefined) {
    this.module = module;
    this.activation = activation;
    this.forms = forms;
    this.exit = exit;
  }

  /** The variable of the message. */
  get m(): string {
    return this.activation.message;
  }

  emit(text: string, span?: Span): void {
    this.lines.push({ text, span, isPure: false });
  }

  place(span: Span): number {
    return this.module.places.index(span);
  }

  temp(): string {
    const name = this.module.fresh('t');
    this.temps.push(name);
    return name;
  }

  expression(expression: Expression): Code {
    return this.forms.expression(this, expression);
  }

  statement(expression: Expression, target: Target): void {
    this.forms.statement(this, expression, target);
  }

  /** Lines of a part are held back, so that the caller can put them where they belong. */
  capture<T>(make: () => T): { readonly result: T; readonly lines: readonly Line[] } {
    const outer = this.lines;
    this.lines = [];
    const result = make();
    const { lines } = this;
    this.lines = outer;
    return { result, lines };
  }

  /** Several expressions in order of evaluation. Their codes may be put one after the other, each once. */
  operands(expressions: readonly Expression[]): Code[] {
    const parts = expressions.map((expression) => this.capture(() => this.expression(expression)));
    const last = parts.findLastIndex(({ lines }) => lines.some((line) => !line.isPure));
    return parts.map(({ result, lines }, at) => {
      this.lines.push(...lines);
      if (at >= last || result.weight === 'constant') return result;
      const name = this.temp();
      this.emit(`${name} = ${result.text};`);
      return { ...simple(name), type: result.type };
    });
  }

  /** The same codes, each of which may be repeated; what that takes goes before, as parts of a comma expression. */
  repeatable(codes: readonly Code[], before: string[]): Code[] {
    const last = codes.findLastIndex(({ weight }) => weight === 'complex');
    return codes.map((code, at) => {
      if (at > last || code.weight === 'constant') return code;
      const name = this.temp();
      before.push(`${name} = ${code.text}`);
      return { ...simple(name), type: code.type };
    });
  }

  /** What a call gives, waited for as far as needed. */
  settled(call: string, waits: 'never' | 'maybe' | 'always'): string {
    if (waits === 'never') return call;
    if (waits === 'always') return `(await ${call})`;
    const name = this.temp();
    return `((${name} = ${call}) instanceof $.P ? await ${name} : ${name})`;
  }

  deliver(code: Code, target: Target, span?: Span): void {
    switch (target.kind) {
      case 'discard':
        if (code.weight === 'complex') this.emit(`${code.text};`, span);
        return;
      case 'assign':
        if (code.text !== target.variable) this.emit(`${target.variable} = ${code.text};`, span);
        return;
      case 'return':
        this.#return(code, span);
        return;
      default:
        target satisfies never;
    }
  }

  #return(code: Code, span: Span | undefined): void {
    let { text } = code;
    if (code.weight === 'complex') {
      const name = this.temp();
      this.emit(`${name} = ${text};`, span);
      text = name;
    }
    this.emit(`${this.m}.depth++; return ${text};`, span);
  }
}
