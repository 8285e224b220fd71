// What all functions of a module share: its constants, its places, and what the first pass found out.

import type { SourceFile, Span } from '../source.ts';
import type { TypeExpression } from '../syntax/ast.ts';
import type { Line } from './code.ts';
import { findNumeric } from './numeric.ts';
import { Places } from './places.ts';
import type { Resolution } from './resolution.ts';
import type { Variable } from './scope.ts';
import { plainType } from './type-text.ts';

export class ModuleBuilder {
  readonly resolution: Resolution;
  readonly places: Places;
  /** Variables that hold nothing but numbers. */
  readonly numeric: ReadonlySet<Variable>;
  /** A function that only the run time knows may wait. */
  readonly isUnknownSuspending: boolean;
  /** Functions and receive functions that stand before everything else. */
  readonly hoisted: Line[] = [];
  /** Definitions of receive functions, which need the constants. */
  readonly receives: Line[] = [];
  readonly #constants = new Map<string, string>();
  readonly #operands: [number, string, string][] = [];
  #ids = 0;

  constructor(resolution: Resolution, files: readonly SourceFile[], isUnknownSuspending: boolean) {
    this.resolution = resolution;
    this.places = new Places(files);
    this.numeric = findNumeric(resolution);
    this.isUnknownSuspending = isUnknownSuspending;
  }

  /** A name that nothing else has. */
  fresh(prefix: string): string {
    this.#ids += 1;
    return prefix + this.#ids;
  }

  /** A constant of the module; equal ones are shared. */
  constant(text: string): string {
    let found = this.#constants.get(text);
    if (found === undefined) {
      found = this.fresh('k');
      this.#constants.set(text, found);
    }
    return found;
  }

  shape(keys: readonly string[]): string {
    return this.constant(`$.shape(${JSON.stringify(keys)})`);
  }

  methods(name: string, isAwaited: boolean): string {
    return this.constant(`$.methods(${JSON.stringify(name)}, ${isAwaited})`);
  }

  builtinRow(name: string): string {
    return this.constant(`$.row(${JSON.stringify(name)})`);
  }

  builtin(name: string): string {
    return this.constant(`$.builtin(${JSON.stringify(name)})`);
  }

  type(type: TypeExpression | undefined): string {
    return type === undefined ? 'void 0' : this.constant(`$.type(${JSON.stringify(plainType(type))})`);
  }

  /** Remembers the texts of an addition for the hint of its error. */
  operands(place: number, left: Span, right: Span): void {
    const text = (span: Span): string => this.places.text(span.file).slice(span.start, span.end);
    const [a, b] = [text(left), text(right)];
    if (a.length <= 200 && b.length <= 200) this.#operands.push([place, a, b]);
  }

  tables(files: readonly SourceFile[]): string {
    return JSON.stringify({
      files: files.map((file) => file.name),
      places: this.places.table,
      operands: this.#operands,
    });
  }

  constantLines(): Line[] {
    return [...this.#constants].map(([text, name]) => ({
      text: `const ${name} = ${text};`,
      span: undefined,
      isPure: true,
    }));
  }
}
