// The language server: the protocol on one side, the editor-free core of the language on the other. One mistake in a handler costs
// its own answer, never the server.

import {
  completionsAt,
  definitionsAt,
  documentSymbols,
  formatSource,
  hoverAt,
  referencesAt,
  renamableAt,
  rename,
  type Span,
} from '@relay/language';
import {
  type Connection,
  createConnection,
  ErrorCodes,
  type Hover,
  type InitializeResult,
  type Location,
  LSPErrorCodes,
  MarkupKind,
  ResponseError,
  TextDocumentSyncKind,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { COMPLETION_KINDS, rangeOf, toDiagnostic, toSymbol } from './convert.ts';
import { type Place, Workspace } from './workspace.ts';

/** Findings wait for a pause in typing. */
const PAUSE_MS = 100;

interface At {
  readonly textDocument: { readonly uri: string };
  readonly position: { readonly line: number; readonly character: number };
}

export function serveEditor(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  version: string,
): void {
  new LanguageServer(createConnection(input, output), version).listen();
}

class LanguageServer {
  readonly #connection: Connection;
  readonly #version: string;
  readonly #workspace = new Workspace();
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, version: string) {
    this.#connection = connection;
    this.#version = version;
  }

  listen(): void {
    const connection = this.#connection;
    connection.onInitialize(() => this.#capabilities());
    this.#followTexts();
    connection.onHover((at) => this.#guard(at, null, (place, offset) => this.#hover(place, offset)));
    connection.onDefinition((at) =>
      this.#guard(at, null, (place, offset) =>
        this.#locations(place, definitionsAt(place.analysis, place.file, offset)),
      ),
    );
    connection.onReferences((at) =>
      this.#guard(at, null, (place, offset) =>
        this.#locations(place, referencesAt(place.analysis, place.file, offset)),
      ),
    );
    connection.onCompletion((at) =>
      this.#guard(at, null, (place, offset, document) => {
        const known = place.analysis.program.items.filter(({ span }) => span.file !== place.file);
        // In the middle of a word its rest is not what is looked for.
        const whole = document.getText();
        const text = whole.slice(0, offset) + whole.slice(offset).replace(/^[A-Za-z0-9_]+/, '');
        const found = completionsAt({ text, offset, known });
        const range = { start: document.positionAt(found.start), end: at.position };
        return found.items.map(({ label, kind, detail, doc }) => ({
          label,
          kind: COMPLETION_KINDS[kind],
          ...(detail === undefined ? {} : { detail }),
          ...(doc === undefined ? {} : { documentation: doc }),
          textEdit: { range, newText: label },
        }));
      }),
    );
    connection.onPrepareRename((at) =>
      this.#guard(at, null, (place, offset, document) => {
        const found = renamableAt(place.analysis, place.file, offset);
        if ('reason' in found) return failed(found.reason);
        return { range: rangeOf(document, found.span), placeholder: found.name };
      }),
    );
    connection.onRenameRequest((request) =>
      this.#guard(request, null, (_, offset) =>
        this.#rename(request.textDocument.uri, offset, request.newName),
      ),
    );
    connection.onDocumentSymbol(({ textDocument: { uri } }) =>
      this.#safely(() => {
        const document = this.#workspace.document(uri);
        const [place] = this.#workspace.places(uri);
        if (document === undefined || place === undefined) return null;
        const items = place.analysis.program.parsed[place.file]?.items ?? [];
        return documentSymbols(items).map((symbol) => toSymbol(document, symbol));
      }),
    );
    connection.onDocumentFormatting(({ textDocument: { uri } }) => this.#safely(() => this.#format(uri)));
    connection.listen();
  }

  #capabilities(): InitializeResult {
    return {
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        completionProvider: { triggerCharacters: ['.', '"'] },
        renameProvider: { prepareProvider: true },
        documentSymbolProvider: true,
        documentFormattingProvider: true,
      },
      serverInfo: { name: 'relay', version: this.#version },
    };
  }

  #followTexts(): void {
    const connection = this.#connection;
    connection.onDidOpenTextDocument(({ textDocument: { uri, languageId, version, text } }) => {
      this.#workspace.set(TextDocument.create(uri, languageId, version, text));
      this.#checkSoon();
    });
    connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
      this.#safely(() => {
        const document = this.#workspace.document(uri);
        if (document === undefined) return;
        this.#workspace.set(TextDocument.update(document, contentChanges, version));
        this.#checkSoon();
      });
    });
    connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
      this.#workspace.close(uri);
      void connection.sendDiagnostics({ uri, diagnostics: [] });
      this.#checkSoon();
    });
    const onDisk = (): void => {
      this.#workspace.forget();
      this.#checkSoon();
    };
    connection.onDidSaveTextDocument(onDisk);
    connection.onDidChangeWatchedFiles(onDisk);
    connection.onShutdown(() => clearTimeout(this.#timer));
  }

  #checkSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const document of this.#workspace.documents) this.#safely(() => this.#check(document));
    }, PAUSE_MS);
  }

  #check(document: TextDocument): void {
    const [place] = this.#workspace.places(document.uri);
    if (place === undefined) return;
    const own = place.analysis.diagnostics.filter(({ span }) => span.file === place.file);
    void this.#connection.sendDiagnostics({
      uri: document.uri,
      version: document.version,
      diagnostics: own.map((one) => toDiagnostic(document, one)),
    });
  }

  #hover(place: Place, offset: number): Hover | null {
    const hover = hoverAt(place.analysis, place.file, offset);
    if (hover === undefined) return null;
    const text = hover.text === undefined ? '' : `\n\n${hover.text}`;
    return {
      contents: { kind: MarkupKind.Markdown, value: `\`\`\`relay\n${hover.code}\n\`\`\`${text}` },
      range: rangeOf(this.#workspace.textOf(place, place.file), hover.span),
    };
  }

  #locations(place: Place, spans: readonly Span[]): Location[] {
    return spans.map((span) => ({
      uri: this.#workspace.uriOf(place, span.file),
      range: rangeOf(this.#workspace.textOf(place, span.file), span),
    }));
  }

  /** In every program the file is part of; what one of them refuses is refused. */
  #rename(uri: string, offset: number, name: string): WorkspaceEdit | ResponseError {
    const changes = new Map<string, Map<string, TextEdit>>();
    for (const place of this.#workspace.places(uri)) {
      const { analysis, file, root } = place;
      const renamed = rename(analysis, file, offset, name, root, this.#workspace.read);
      if (renamed.kind === 'refused') return failed(renamed.reason);
      for (const span of renamed.places) {
        const target = this.#workspace.uriOf(place, span.file);
        const edits = changes.get(target) ?? new Map<string, TextEdit>();
        const range = rangeOf(this.#workspace.textOf(place, span.file), span);
        edits.set(`${span.start}`, { range, newText: name });
        changes.set(target, edits);
      }
    }
    return {
      changes: Object.fromEntries([...changes].map(([target, edits]) => [target, [...edits.values()]])),
    };
  }

  /** Nothing to do for a text with errors: they are shown already. */
  #format(uri: string): TextEdit[] | null {
    const document = this.#workspace.document(uri);
    if (document === undefined) return null;
    const text = document.getText();
    const formatted = formatSource({ name: uri, text });
    if (formatted.kind === 'refused') return null;
    if (formatted.text === text) return [];
    return [{ range: rangeOf(document, { file: 0, start: 0, end: text.length }), newText: formatted.text }];
  }

  #guard<T, N>(
    at: At,
    otherwise: N,
    answer: (place: Place, offset: number, document: TextDocument) => T,
  ): T | N | ResponseError {
    return this.#safely<T | N>(() => {
      const document = this.#workspace.document(at.textDocument.uri);
      const [place] = this.#workspace.places(at.textDocument.uri);
      if (document === undefined || place === undefined) return otherwise;
      return answer(place, document.offsetAt(at.position), document);
    });
  }

  #safely<T>(run: () => T): T | ResponseError {
    try {
      return run();
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#connection.console.error(`relay lsp: ${text}`);
      return new ResponseError(ErrorCodes.InternalError, 'the language server failed to answer this request');
    }
  }
}

function failed(reason: string): ResponseError {
  return new ResponseError(LSPErrorCodes.RequestFailed, reason);
}
