// From what the language says to what the protocol says.

import type { Completion, Diagnostic, DocumentSymbol, Span } from '@relay/language';
import {
  CompletionItemKind,
  DiagnosticSeverity,
  type Diagnostic as LspDiagnostic,
  type DocumentSymbol as LspSymbol,
  type Range,
  SymbolKind,
} from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';

export function rangeOf(document: TextDocument, { start, end }: Span): Range {
  return { start: document.positionAt(start), end: document.positionAt(end) };
}

export function toDiagnostic(document: TextDocument, diagnostic: Diagnostic): LspDiagnostic {
  const { span, severity, code, message, hint } = diagnostic;
  return {
    range: rangeOf(document, span),
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code,
    source: 'relay',
    message: hint === undefined ? message : `${message}\nhint: ${hint}`,
  };
}

export const COMPLETION_KINDS: Readonly<Record<Completion['kind'], CompletionItemKind>> = {
  variable: CompletionItemKind.Variable,
  function: CompletionItemKind.Function,
  builtin: CompletionItemKind.Function,
  method: CompletionItemKind.Method,
  field: CompletionItemKind.Field,
  struct: CompletionItemKind.Struct,
  protocol: CompletionItemKind.Interface,
  server: CompletionItemKind.Module,
  type: CompletionItemKind.TypeParameter,
  keyword: CompletionItemKind.Keyword,
};

const SYMBOL_KINDS: Readonly<Record<DocumentSymbol['kind'], SymbolKind>> = {
  function: SymbolKind.Function,
  variable: SymbolKind.Variable,
  struct: SymbolKind.Struct,
  protocol: SymbolKind.Interface,
  server: SymbolKind.Class,
  method: SymbolKind.Method,
  field: SymbolKind.Field,
  template: SymbolKind.File,
  config: SymbolKind.Object,
};

export function toSymbol(document: TextDocument, symbol: DocumentSymbol): LspSymbol {
  const { name, kind, detail, span, nameSpan, children } = symbol;
  return {
    name,
    detail,
    kind: SYMBOL_KINDS[kind],
    range: rangeOf(document, span),
    selectionRange: rangeOf(document, nameSpan),
    children: children.map((child) => toSymbol(document, child)),
  };
}
