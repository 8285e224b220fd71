import type { Diagnostic } from '../diagnostic.ts';
import type { Span } from '../source.ts';

/** Collects what the checks find. */
export class Report {
  readonly diagnostics: Diagnostic[] = [];
  readonly #withheld: ReadonlySet<string>;

  /** `withheld`: codes of findings that would not be certain. */
  constructor(withheld: ReadonlySet<string> = new Set()) {
    this.#withheld = withheld;
  }

  error(code: string, message: string, span: Span, hint?: string): void {
    this.#add('error', code, message, span, hint);
  }

  warning(code: string, message: string, span: Span, hint?: string): void {
    this.#add('warning', code, message, span, hint);
  }

  #add(severity: Diagnostic['severity'], code: string, message: string, span: Span, hint?: string): void {
    if (this.#withheld.has(code)) return;
    this.diagnostics.push({ code, severity, message, span, ...(hint === undefined ? {} : { hint }) });
  }
}
