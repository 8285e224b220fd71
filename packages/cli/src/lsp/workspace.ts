// The programs an editor has open: texts as the editor has them, the rest from disk; each analysed once per state.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Analysis, analyzeProgram } from '@relay/language';
import { TextDocument } from 'vscode-languageserver-textdocument';

/** A program, and one of its files. */
export interface Place {
  readonly root: string;
  readonly analysis: Analysis;
  /** Index of the file in the program. */
  readonly file: number;
}

/** Files beside the one that is open which are looked at for imports of it. */
const MAX_NEIGHBOURS = 50;
const MAX_FILE_BYTES = 1024 * 1024;

export class Workspace {
  readonly #open = new Map<string, TextDocument>();
  #analyses = new Map<string, Analysis>();

  set(document: TextDocument): void {
    this.#open.set(pathOf(document.uri), document);
    this.forget();
  }

  close(uri: string): void {
    this.#open.delete(pathOf(uri));
    this.forget();
  }

  /** Something has changed, here or on disk. */
  forget(): void {
    this.#analyses = new Map();
  }

  document(uri: string): TextDocument | undefined {
    return this.#open.get(pathOf(uri));
  }

  get documents(): readonly TextDocument[] {
    return [...this.#open.values()];
  }

  readonly read = (file: string): string | undefined => {
    const open = this.#open.get(file);
    if (open !== undefined) return open.getText();
    try {
      return statSync(file).size > MAX_FILE_BYTES ? undefined : readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  };

  analyze(root: string): Analysis {
    let analysis = this.#analyses.get(root);
    if (analysis === undefined) {
      analysis = analyzeProgram(root, this.read);
      this.#analyses.set(root, analysis);
    }
    return analysis;
  }

  /** The programs a file is part of: those that import it, else itself. */
  places(uri: string): readonly Place[] {
    const own = pathOf(uri);
    const places = this.#candidates(own).flatMap((root) => this.#place(root, own));
    return places.length > 0 ? places : this.#place(own, own);
  }

  #place(root: string, own: string): Place[] {
    const analysis = this.analyze(root);
    const file = analysis.program.files.findIndex(({ name }) => joined(root, name) === own);
    return file < 0 ? [] : [{ root, analysis, file }];
  }

  /** Other programs in the folder of a file, and open ones anywhere above it. */
  #candidates(own: string): readonly string[] {
    const folder = path.posix.dirname(own);
    const found = new Set<string>();
    for (const open of this.#open.keys()) {
      if (own.startsWith(`${path.posix.dirname(open)}/`)) found.add(open);
    }
    if (path.isAbsolute(own)) {
      for (const name of neighbours(folder)) found.add(`${folder}/${name}`);
    }
    found.delete(own);
    // Reading a text is cheap, analysing a program is not.
    return [...found].filter((file) => this.read(file)?.includes('import') === true);
  }

  /** A file of a program as the editor names it. */
  uriOf(place: Place, file: number): string {
    return uriOf(joined(place.root, place.analysis.program.files[file]?.name ?? ''));
  }

  /** A file of a program, open or not. */
  textOf(place: Place, file: number): TextDocument {
    const uri = this.uriOf(place, file);
    const text = place.analysis.program.files[file]?.text ?? '';
    return this.document(uri) ?? TextDocument.create(uri, 'relay', 0, text);
  }
}

function neighbours(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => /\.(?:rl|relay)$/.test(name));
    return names.slice(0, MAX_NEIGHBOURS);
  } catch {
    return [];
  }
}

function joined(root: string, name: string): string {
  return root.slice(0, root.lastIndexOf('/') + 1) + name;
}

/** With `/` on every platform; texts that are in no file keep their address. */
export function pathOf(uri: string): string {
  if (!uri.startsWith('file:')) return uri;
  try {
    const file = fileURLToPath(uri);
    return path.sep === '/' ? file : file.replaceAll(path.sep, '/');
  } catch {
    return uri;
  }
}

function uriOf(file: string): string {
  return path.isAbsolute(file) ? pathToFileURL(file).href : file;
}
