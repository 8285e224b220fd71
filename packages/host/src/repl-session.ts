// A session as `relay repl` has it: text goes in, what happens comes out in order. The program is in a worker; when that dies the
// session begins anew and says so.

import path from 'node:path';
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';
import {
  CompileSession,
  type Diagnostic,
  type Item,
  renderDiagnostic,
  type ServiceInterface,
  type SessionInput,
  type TypeAnswer,
} from '@relay/language';
import type { Clock } from '@relay/protocol';
import { posix, readText, reasonOf } from './load.ts';
import {
  type FromReplWorker,
  INTERRUPTS,
  type ReplWorkerStart,
  TAKEN,
  type ToReplWorker,
} from './repl-wire.ts';
import type { LogLevel } from './worker-wire.ts';

export interface ReplSessionOptions {
  readonly clock: Clock;
  /** To which the imports of an input are relative, and which they cannot leave. */
  readonly folder: string;
  /** A line of output, without its line break. */
  readonly print: (line: string) => void;
  readonly log: (level: LogLevel, line: string) => void;
}

export type ReplEvent =
  /** As in language.md §22. After an error nothing runs. */
  | { readonly kind: 'finding'; readonly severity: 'error' | 'warning'; readonly text: string }
  /** An item has run. `variable` is what it set. */
  | { readonly kind: 'value'; readonly shown: string; readonly variable: string | undefined }
  | { readonly kind: 'failed'; readonly error: string; readonly hint: string | undefined }
  | { readonly kind: 'interrupted' }
  /** All definitions are lost. */
  | { readonly kind: 'ended'; readonly why: string };

type Outcome =
  | Exclude<FromReplWorker, { readonly kind: 'print' | 'log' }>
  | { readonly kind: 'ended'; readonly why: string };

interface Running {
  readonly id: number;
  readonly settle: (outcome: Outcome) => void;
  /** Until an interrupted worker is ended. */
  patience: Disposable | undefined;
}

const HEAP_MB = 256;
/** Of that, what a program may fill before it is ended by its own budget. */
const HEAP_SHARE = 0.75;
/** Computing code looks for interrupts far more often. */
const REACTION_MS = 2_000;

export class ReplSession {
  readonly #options: ReplSessionOptions;
  #compiler = new CompileSession();
  #worker: Worker | undefined;
  readonly #counters = new Int32Array(new SharedArrayBuffer(8));
  #running: Running | undefined;
  #inputs = 0;
  #lastId = 0;
  #isClosed = false;

  constructor(options: ReplSessionOptions) {
    this.#options = options;
  }

  /** Definitions so far, for completion. */
  get items(): readonly Item[] {
    return this.#compiler.items;
  }

  get services(): readonly ServiceInterface[] {
    return this.#compiler.services;
  }

  /** The index of a text that `render` gets. */
  get fileCount(): number {
    return this.#compiler.files.length;
  }

  /** Runs each item of the text; ends early after an interrupt. */
  enter(text: string): AsyncGenerator<ReplEvent, void> {
    this.#inputs += 1;
    const name = path.join(this.#options.folder, `repl-${this.#inputs}`);
    return this.#run(this.#compiler.enter(posix(name), text, readFile));
  }

  /** Runs a file as a whole, as if its text stood here: its last value comes, and an error ends it. */
  async *load(file: string): AsyncGenerator<ReplEvent, void> {
    const main = path.resolve(file);
    try {
      readText(main);
    } catch (thrown) {
      yield { kind: 'failed', error: `cannot read ${file}: ${reasonOf(thrown)}`, hint: undefined };
      return;
    }
    yield* this.#run(this.#compiler.load(posix(main), readFile));
  }

  typeOf(text: string): TypeAnswer {
    return this.#compiler.typeOf(text);
  }

  /** A diagnostic of a text that is not part of the session. */
  render(diagnostic: Diagnostic, name: string, text: string): string {
    const files = [...this.#compiler.files, { name, text }];
    return renderDiagnostic(diagnostic, files);
  }

  /** Ends what runs. False if nothing does. */
  interrupt(): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    Atomics.add(this.#counters, INTERRUPTS, 1);
    this.#post({ kind: 'interrupt' });
    running.patience ??= this.#options.clock.after(REACTION_MS, () => void this.#worker?.terminate());
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  async *#run({
    diagnostics,
    findings,
    undefinedNames,
    units,
  }: SessionInput): AsyncGenerator<ReplEvent, void> {
    for (const diagnostic of [...diagnostics, ...findings]) {
      const { severity } = diagnostic;
      yield { kind: 'finding', severity, text: renderDiagnostic(diagnostic, this.#compiler.files) };
    }
    for (const { code, variable } of units) {
      const outcome = await this.#runUnit(code);
      switch (outcome.kind) {
        case 'done':
          yield { kind: 'value', shown: outcome.shown, variable };
          break;
        case 'failed': {
          const { error } = outcome;
          const name = undefinedNames.find(({ message }) => error.endsWith(` ${message}`));
          yield { kind: 'failed', error, hint: name?.hint };
          break;
        }
        case 'interrupted':
          yield { kind: 'interrupted' };
          return;
        case 'ended':
          this.#compiler = new CompileSession();
          yield outcome;
          return;
        default:
          outcome satisfies never;
      }
    }
  }

  #runUnit(code: string): Promise<Outcome> {
    this.#worker ??= this.#start();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const id = ++this.#lastId;
    const running: Running = {
      id,
      patience: undefined,
      settle: (outcome) => {
        this.#running = undefined;
        running.patience?.[Symbol.dispose]();
        resolve(outcome);
      },
    };
    this.#running = running;
    this.#post({ kind: 'run', id, code, interrupts: Atomics.load(this.#counters, INTERRUPTS) });
    return promise;
  }

  #post(message: ToReplWorker): void {
    this.#worker?.postMessage(message);
  }

  #start(): Worker {
    v8.setFlagsFromString('--disallow-code-generation-from-strings');
    Atomics.store(this.#counters, TAKEN, 0);
    const workerData: ReplWorkerStart = {
      memoryBytes: HEAP_MB * HEAP_SHARE * 1024 * 1024,
      counters: this.#counters.buffer as SharedArrayBuffer,
    };
    const isSource = import.meta.url.endsWith('.ts');
    const worker = new Worker(new URL(isSource ? './repl-worker.ts' : './repl-worker.js', import.meta.url), {
      workerData,
      execArgv: [...(isSource ? ['--conditions=relay-source'] : []), '--no-warnings'],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    let why = 'its worker ended';
    worker.on('message', (messages: readonly FromReplWorker[]) => this.#receive(messages));
    worker.on('error', (error: Error & { readonly code?: string }) => {
      why =
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'it ran out of memory'
          : `unexpected error: ${error.message}`;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      if (!this.#isClosed) this.#running?.settle({ kind: 'ended', why });
    });
    return worker;
  }

  #receive(messages: readonly FromReplWorker[]): void {
    for (const message of messages) {
      if (message.kind === 'print') this.#options.print(message.line);
      else if (message.kind === 'log') this.#options.log(message.level, message.line);
      else if (message.id === this.#running?.id) this.#running.settle(message);
    }
    Atomics.add(this.#counters, TAKEN, messages.length);
    Atomics.notify(this.#counters, TAKEN);
  }
}

function readFile(name: string): string | undefined {
  try {
    return readText(name);
  } catch {
    return undefined;
  }
}
