import type { Diagnostic } from '../diagnostic.ts';
import type { Span } from '../source.ts';

/** Collects what the checks find. */
export class Report {
  readonly diagnostics: Diagnostic[] = [];

  error(code: string, message: string, span: Span, hint?: string): void {
    this.#add('error', code, message, span, hint);
  }

  warning(code: string, message: string, span: Span, hint?: string): void {
    this.#add('warning', code, message, span, hint);
  }

  #add(severity: Diagnostic['severity'], code: string, message: string, span: Span, hint?: string): void {
    this.diagnostics.push({ code, severity, message, span, ...(hint === undefined ? {} : { hint }) });
  }
}
