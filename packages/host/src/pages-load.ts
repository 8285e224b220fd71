// The templates of a program from its folders: where they are looked for, what is wrong with them, and which have changed since.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  builtins,
  checkProgram,
  compileTemplates,
  constantSettings,
  type Diagnostic,
  type LoadedProgram,
  loadProgram,
  type PageDescription,
  renderDiagnostic,
  type Setting,
  type SourceFile,
} from '@relay/language';
import type { Finding } from './load.ts';

/** `config { templates: … }` of a program; language.md §20. */
export interface TemplateSettings {
  readonly templateDir: string;
  readonly staticDir: string;
  readonly autoReload: boolean;
}

export interface LoadedPages {
  readonly pages: readonly PageDescription[];
  /** Text of the module of pages; undefined if something is wrong with them or there are none. */
  readonly code: string | undefined;
  /** What is wrong: serving this program is an error. The places of templates are relative to the program's folder. */
  readonly errors: readonly Finding[];
  /** Those of the program, then the templates. */
  readonly files: readonly SourceFile[];
  /** Absolute. It need not be there. */
  readonly staticDir: string;
  readonly autoReload: boolean;
  /** The same program with its templates as they are now; undefined if no file has changed. */
  readonly reload: () => LoadedPages | undefined;
}

/** Of a program that loads without errors. Never throws for anything the files contain. */
export function loadPages(file: string): LoadedPages {
  const main = path.resolve(file);
  const program = loadProgram(posix(main), (name) => readText(name));
  const checked = checkProgram(program, builtins).diagnostics.filter(
    ({ code, severity }) => code === 'RL4002' && severity === 'error',
  );
  return new TemplateFolder(path.dirname(main), program, checked).load();
}

class TemplateFolder {
  readonly #folder: string;
  readonly #program: LoadedProgram;
  readonly #checked: readonly Diagnostic[];
  readonly #settings: TemplateSettings;

  constructor(folder: string, program: LoadedProgram, checked: readonly Diagnostic[]) {
    this.#folder = folder;
    this.#program = program;
    this.#checked = checked;
    this.#settings = templateSettings(program);
  }

  load(): LoadedPages {
    const stamps = new Map<string, string>();
    const compiled = compileTemplates(this.#program, (declared) => this.#read(declared, stamps));
    const diagnostics = [...this.#checked, ...compiled.diagnostics];
    return {
      pages: compiled.pages,
      code: compiled.pages.length === 0 ? undefined : compiled.code,
      errors: diagnostics.map((diagnostic) => ({
        diagnostic,
        text: renderDiagnostic(diagnostic, compiled.files),
      })),
      files: compiled.files,
      staticDir: path.resolve(this.#folder, this.#settings.staticDir),
      autoReload: this.#settings.autoReload,
      reload: () => {
        const isSame = [...stamps].every(([file, stamp]) => stampOf(file) === stamp);
        return isSame ? undefined : this.load();
      },
    };
  }

  /** Below the template folder, else beside the program. A file that is not there now may be there later. */
  #read(declared: string, stamps: Map<string, string>): SourceFile | undefined {
    for (const folder of [path.resolve(this.#folder, this.#settings.templateDir), this.#folder]) {
      const file = path.join(folder, declared);
      stamps.set(file, stampOf(file));
      const text = readText(file);
      if (text !== undefined) return { name: posix(path.relative(this.#folder, file)), text };
    }
    return undefined;
  }
}

/** Only plain values count: the program has not run yet. Those of another type are for whoever reads the whole block to refuse. */
function templateSettings(program: LoadedProgram): TemplateSettings {
  const found = new Map<string, Setting>();
  for (const item of program.items) {
    if (item.kind !== 'config') continue;
    const group = constantSettings([item]).get('templates');
    if (group instanceof Map) for (const [key, value] of group) found.set(key as string, value as Setting);
  }
  const text = (key: string, standard: string): string => {
    const value = found.get(key);
    return typeof value === 'string' && value !== '' ? value : standard;
  };
  return {
    templateDir: text('template_dir', './templates'),
    staticDir: text('static_dir', './static'),
    autoReload: found.get('auto_reload') === true,
  };
}

function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found?.isFile() === true ? `${found.mtimeNs} ${found.size} ${found.ino}` : '';
}

function readText(file: string): string | undefined {
  try {
    return new TextDecoder().decode(readFileSync(file));
  } catch {
    return undefined;
  }
}

/** The language knows `/` only. */
function posix(file: string): string {
  return path.sep === '/' ? file : file.replaceAll(path.sep, '/');
}
