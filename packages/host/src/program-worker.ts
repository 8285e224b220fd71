// A program in its own thread. This side is the network thread's: it passes calls in and out in batches, never runs code of the
// program, and when the worker dies or hangs, ends its calls and starts it anew.

import v8 from 'node:v8';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import {
  ALREADY_SETTLED,
  CALL_LIMITS,
  type Call,
  type CallHandler,
  type Cancel,
  type Clock,
  createFailure,
  createIdempotencyCounts,
  type Failure,
  type FailureName,
  IN_PROGRESS_RETRY_MS,
  keyScopeOf,
  type Outcome,
  type Settle,
} from '@relay/protocol';
import { DEFAULT_LIMITS, type ProgramLimits } from './limits.ts';
import { createOutboundCall } from './outbound-call.ts';
import { ProgramMeter } from './program-meter.ts';
import type { StateStoreSpec } from './state-store/state-store.ts';
import {
  Batch,
  bytesOf,
  createCounters,
  type FromWorker,
  joinPath,
  KILLS,
  type LogLevel,
  OUTPUT_TAKEN,
  outputUnits,
  packBytes,
  splitPath,
  type ToWorker,
  type WorkerStart,
} from './worker-wire.ts';

export interface ProgramWorkerOptions {
  readonly clock: Clock;
  /** Text form of this node's address, `id` or `id@main`; may change while the program runs. */
  readonly nodeId: () => string;
  /** A line of the program's `log()`, or of the host about the program. */
  readonly log: (level: LogLevel, line: string) => void;
  /** A line of the program's `print()`, without its line break. */
  readonly print: (line: string) => void;
  /** Set by the operator; win over those in `config`. */
  readonly limits?: Partial<ProgramLimits>;
  /** How long a send waits at most, in ms; wins over `timeout` in `config`. Default 60 000. */
  readonly timeoutMs?: number;
  /** Where state is kept. Default: nowhere. */
  readonly store?: StateStoreSpec;
  /** Default true. False: a send to a server outside the program is «server 'S' not found» at once. */
  readonly hasOutside?: boolean;
  /**
   * How long a worker may be silent while calls wait before it is ended, in ms. Default: the time budget plus 10 s. `Infinity`
   * where the clock is virtual and does not wait for another thread.
   */
  readonly watchdogMs?: number;
  /** How long top-level code may take, in ms. Default 120 000; `Infinity` where someone looks on and can end it. */
  readonly startMs?: number;
  /** Text of the module of its pages. */
  readonly pages?: string;
  /** Heap of the worker in MiB. Default 256. */
  readonly heapMb?: number;
  /** Top-level code has run, for the first time or in a worker that was started anew. */
  readonly onStarted?: () => void;
  /** A server has said whether it is well. */
  readonly onHealth?: (service: string, isHealthy: boolean) => void;
  /** The worker died too often and is not started again. */
  readonly onStopped?: (why: string) => void;
}

/** Top-level code failed. The message is the text of language.md §21, without `Error: `. */
export class ProgramFailed extends Error {
  override readonly name = 'ProgramFailed';
}

export interface ProgramReady {
  readonly result: string | undefined;
  readonly settings: unknown;
}

interface PendingCall {
  readonly settle: (outcome: Outcome | PageOutcome) => void;
}

/** `nothing`: a function with parameters gave nil. */
export type PageOutcome =
  | { readonly kind: 'page'; readonly body: Uint8Array }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'failure'; readonly failure: Failure };

export interface PageCall {
  /** As its template declares it. */
  readonly path: string;
  /** JSON text of an array in the tagged form, one element for each parameter. */
  readonly args: string;
  readonly timeoutMs: number;
}

/** When another instance will have been found. */
const GONE_RETRY_MS = 1_000;
/** When to come again, by why a call was not taken. */
const RETRY_AFTER_MS: Readonly<Record<string, number>> = {
  idempotency_in_progress: IN_PROGRESS_RETRY_MS,
  overloaded: 250,
};

const RESTARTS = 5;
const RESTART_WINDOW_MS = 30_000;
const CLOSE_MS = 5_000;
const START_MS = 120_000;
const HEAP_MB = 256;
/** Of the heap a program may fill before the message that notices it is ended; see `breathe` in worker-entry.ts. */
const HEAP_SHARE = 7 / 8;
/** Messages die young; room for them spares copying. */
const YOUNG_HEAP_MB = 32;

// Compiled code and the run time need no eval; with this, nobody in this process gets one that starts after it.
let isCodeGenerationOff = false;
function switchOffCodeGeneration(): void {
  if (isCodeGenerationOff) return;
  isCodeGenerationOff = true;
  v8.setFlagsFromString('--disallow-code-generation-from-strings');
  // Threads that start from now on can collect garbage when they must know how much of their heap is in use.
  v8.setFlagsFromString('--expose-gc');
}

export class ProgramWorker {
  /** Calls with an idempotency key by what became of them. */
  readonly idempotency = createIdempotencyCounts();
  /** What its workers have counted so far. */
  readonly meter = new ProgramMeter();
  readonly #code: string;
  readonly #options: ProgramWorkerOptions;
  #outbound: CallHandler | undefined;
  #pages: string | undefined;
  /** `ending`: begins no message any more, and waits for `close`. */
  #state: 'starting' | 'running' | 'ending' | 'stopped' | 'closed' = 'starting';
  #worker: Worker | undefined;
  #killPort: MessagePort | undefined;
  #counters = createCounters();
  #batch = new Batch<ToWorker>();
  #isFlushDue = false;
  readonly #calls = new Map<number, PendingCall>();
  readonly #outside = new Map<number, Cancel>();
  #lastId = 0;
  #restarts: number[] = [];
  #watchdog: Disposable | undefined;
  #startTimer: Disposable | undefined;
  #hasHeard = true;
  #timeMs = DEFAULT_LIMITS.timeMs;
  readonly #ready = Promise.withResolvers<ProgramReady>();
  #isReady = false;
  readonly #closed = Promise.withResolvers<void>();

  constructor(code: string, outbound: CallHandler | undefined, options: ProgramWorkerOptions) {
    this.#code = code;
    this.#outbound = outbound;
    this.#options = options;
    this.#pages = options.pages;
    this.#start();
  }

  /** Top-level code has run for the first time; rejects with `ProgramFailed`. */
  get ready(): Promise<ProgramReady> {
    return this.#ready.promise;
  }

  setOutbound(outbound: CallHandler): void {
    this.#outbound = outbound;
  }

  call(call: Call, settle: Settle): Cancel {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) {
      settle({ kind: 'failure', failure: refusal });
      return ALREADY_SETTLED;
    }
    const id = ++this.#lastId;
    const params = packBytes(call.params);
    const form = call.caller.kind === 'program' ? 'tagged' : 'plain';
    const timeoutMs = call.deadline - this.#options.clock.now();
    const path = joinPath(this.#inwards(call.callPath));
    this.#batch.handOver(params);
    const { service, method, traceparent } = call;
    const scope = call.idempotencyKey === undefined ? undefined : keyScopeOf(call);
    this.#post(['call', id, service, method, params, form, timeoutMs, path, traceparent, scope]);
    return this.#pending(id, settle as PendingCall['settle']);
  }

  page({ path, args, timeoutMs }: PageCall, settle: (outcome: PageOutcome) => void): Cancel {
    if (this.#state !== 'running') {
      const failure = createFailure('no_healthy_instance', 'the program is not running', this.#nodeId);
      settle({ kind: 'failure', failure });
      return ALREADY_SETTLED;
    }
    const id = ++this.#lastId;
    this.#post(['page', id, path, args, timeoutMs, '']);
    return this.#pending(id, settle as PendingCall['settle']);
  }

  /** The module of pages from now on, also of a worker that is started anew. */
  setPages(code: string): void {
    this.#pages = code;
    if (this.#state === 'running') this.#post(['pages', code]);
  }

  #pending(id: number, settle: PendingCall['settle']): Cancel {
    this.#calls.set(id, { settle });
    this.#watch();
    return (mode) => {
      if (!this.#calls.delete(id)) return;
      this.#post(['cancel', id, mode]);
      if (mode === 'kill') {
        // A handler that computes takes no messages, but looks at this port at its budget checks.
        this.#killPort?.postMessage(id);
        Atomics.add(this.#counters, KILLS, 1);
      }
    };
  }

  /**
   * Begins no message any more: those that wait are answered `shutting_down`, `executed: no`. Those that run go on until `close`,
   * but what they change is not kept, so their results go nowhere.
   */
  refuseWaiting(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'ending';
      this.#post(['close']);
    }
    return this.#state === 'ending' ? this.#closed.promise : Promise.resolve();
  }

  async close(): Promise<void> {
    if (this.#state !== 'closed') {
      const wasRunning = this.#state === 'running';
      const isEnding = this.#state === 'ending';
      this.#state = 'closed';
      this.#watchdog?.[Symbol.dispose]();
      this.#failAll('shutting_down', 'the program is closing');
      if (!this.#isReady) this.#ready.reject(new ProgramFailed('the program was closed'));
      if (wasRunning || isEnding) {
        if (wasRunning) this.#post(['close']);
        const timer = this.#options.clock.after(CLOSE_MS, () => this.#closed.resolve());
        void this.#closed.promise.then(() => timer[Symbol.dispose]());
      } else this.#closed.resolve();
    }
    await this.#closed.promise;
    await this.#worker?.terminate();
  }

  /** Where failures happened: the id alone, without the Main that this node is at now. */
  get #nodeId(): string {
    return this.#options.nodeId().split('@', 1)[0] ?? '';
  }

  #refusal(call: Call): Failure | undefined {
    const at = this.#nodeId;
    if (call.callPath.length > CALL_LIMITS.callPath) {
      return createFailure(
        'loop_detected',
        `more than ${CALL_LIMITS.callPath} servers wait for this call`,
        at,
      );
    }
    if (this.#state === 'running') return undefined;
    const why = `server ${call.service} is not running`;
    return createFailure(
      'no_healthy_instance',
      why,
      at,
      this.#state === 'starting' ? { retryAfterMs: 1_000 } : {},
    );
  }

  #start(): void {
    switchOffCodeGeneration();
    const { limits, timeoutMs, store, hasOutside, heapMb } = this.#options;
    const { port1, port2 } = new MessageChannel();
    this.#killPort = port1;
    port1.unref();
    this.#counters = createCounters();
    const heap = heapMb ?? HEAP_MB;
    const start: WorkerStart = {
      code: this.#code,
      pages: this.#pages,
      limits: limits ?? {},
      timeoutMs,
      store: store ?? { kind: 'memory' },
      hasOutside: hasOutside ?? true,
      memoryBytes: heap * HEAP_SHARE * 1024 * 1024,
      counters: this.#counters.buffer,
      figures: this.meter.buffer,
    };
    // Run from source, the entry is TypeScript and finds the other packages by this condition.
    const isSource = import.meta.url.endsWith('.ts');
    const worker = new Worker(
      new URL(isSource ? './worker-entry.ts' : './worker-entry.js', import.meta.url),
      {
        workerData: { start, killPort: port2 },
        transferList: [port2],
        execArgv: [
          ...(isSource ? ['--conditions=relay-source'] : []),
          '--no-warnings',
          '--enable-source-maps',
        ],
        env: {},
        resourceLimits: {
          maxOldGenerationSizeMb: heap,
          maxYoungGenerationSizeMb: YOUNG_HEAP_MB,
        },
      },
    );
    this.#worker = worker;
    let why = 'its worker ended';
    const startMs = this.#options.startMs ?? START_MS;
    if (startMs !== Infinity) {
      this.#startTimer = this.#options.clock.after(startMs, () => {
        why = `top-level code has not ended after ${startMs / 1_000} s; long work belongs into a receive function`;
        void worker.terminate();
      });
    }
    worker.on('message', (messages: readonly FromWorker[]) => {
      if (worker === this.#worker) this.#receive(messages);
    });
    worker.on('error', (error: Error & { readonly code?: string }) => {
      why =
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'it ran out of memory'
          : `unexpected error: ${error.message}`;
    });
    worker.on('exit', () => {
      port1.close();
      this.#startTimer?.[Symbol.dispose]();
      if (worker === this.#worker) this.#onExit(why);
    });
  }

  #onExit(why: string): void {
    this.#worker = undefined;
    this.#watchdog?.[Symbol.dispose]();
    this.#watchdog = undefined;
    this.#batch = new Batch();
    if (this.#state === 'closed' || this.#state === 'ending') {
      this.#closed.resolve();
      return;
    }
    this.#options.log('error', `the program was ended: ${why}`);
    if (!this.#isReady) {
      this.#state = 'stopped';
      this.#ready.reject(new ProgramFailed(`the program was ended: ${why}`));
      return;
    }
    this.#state = 'starting';
    this.#failAll('internal_error', `the program was ended: ${why}`);
    const now = this.#options.clock.now();
    this.#restarts = this.#restarts.filter((at) => now - at < RESTART_WINDOW_MS);
    if (this.#restarts.length >= RESTARTS) this.#stop(why);
    else {
      this.#restarts.push(now);
      this.#start();
    }
  }

  #stop(why: string): void {
    this.#state = 'stopped';
    this.#options.log(
      'error',
      `the program died ${RESTARTS + 1} times in ${RESTART_WINDOW_MS / 1_000} s and stays down`,
    );
    this.#options.onStopped?.(why);
  }

  /** Whoever waits here cannot know what became of the call. */
  #failAll(name: FailureName, message: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const cancel of this.#outside.values()) cancel('abandon');
    this.#outside.clear();
    const failure = createFailure(name, message, this.#nodeId, { executed: 'unknown' });
    for (const { settle } of calls) settle({ kind: 'failure', failure });
  }

  #post(message: ToWorker): void {
    this.#batch.add(message);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.clock.defer(() => {
      this.#isFlushDue = false;
      if (this.#batch.isEmpty) return;
      const { messages, transfer } = this.#batch.take();
      this.#worker?.postMessage(messages, transfer);
    });
  }

  #receive(messages: readonly FromWorker[]): void {
    this.#hasHeard = true;
    for (const message of messages) this.#handle(message);
  }

  #handle(message: FromWorker): void {
    switch (message[0]) {
      case 'result':
        if (this.#state !== 'ending') this.#settle(message[1], { kind: 'result', body: bytesOf(message[2]) });
        break;
      case 'failure':
        this.#settle(message[1], { kind: 'failure', failure: this.#failure(message) });
        break;
      case 'page': {
        const [, id, body] = message;
        this.#settle(id, body === null ? { kind: 'nothing' } : { kind: 'page', body: bytesOf(body) });
        break;
      }
      case 'send':
        this.#send(message);
        break;
      case 'cancel-send':
        this.#outside.get(message[1])?.(message[2]);
        this.#outside.delete(message[1]);
        break;
      case 'print':
        this.#options.print(message[1]);
        this.#outputTaken(message[1]);
        break;
      case 'log':
        this.#options.log(message[1], message[2]);
        this.#outputTaken(message[2]);
        break;
      case 'ready':
        if (this.#state === 'starting') this.#state = 'running';
        this.#options.onStarted?.();
        this.#startTimer?.[Symbol.dispose]();
        this.#isReady = true;
        this.#timeMs = message[3];
        this.#ready.resolve({ result: message[1], settings: message[2] });
        break;
      case 'broken':
        // Top-level code that worked before and fails now is a death like any other.
        if (this.#isReady) this.#options.log('error', message[1]);
        else this.#state = 'closed';
        this.#ready.reject(new ProgramFailed(message[1]));
        void this.#worker?.terminate();
        break;
      case 'keyed':
        this.idempotency[message[1]] += 1;
        break;
      case 'health':
        this.#options.onHealth?.(message[1], message[2]);
        break;
      case 'pong':
        break;
      case 'closed':
        this.#closed.resolve();
        break;
      default:
        unreachable(message);
    }
  }

  #outputTaken(line: string): void {
    Atomics.add(this.#counters, OUTPUT_TAKEN, outputUnits(line));
    Atomics.notify(this.#counters, OUTPUT_TAKEN);
  }

  #settle(id: number, outcome: Outcome | PageOutcome): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.settle(outcome);
  }

  #failure(message: Extract<FromWorker, readonly ['failure', ...unknown[]]>): Failure {
    const [, , name, text, executed, value, limitName, limitMax] = message;
    if (this.#state === 'ending' && name === 'no_healthy_instance' && executed === 'no') {
      const retryAfterMs = GONE_RETRY_MS;
      return createFailure('shutting_down', `${this.#nodeId} is shutting down`, this.#nodeId, {
        retryAfterMs,
      });
    }
    const retryAfterMs = RETRY_AFTER_MS[name];
    const data = {
      ...(value === undefined ? {} : { value: JSON.parse(value) as unknown }),
      ...(limitName === undefined ? {} : { limit: { name: limitName, max: limitMax } }),
    };
    const hasData = value !== undefined || limitName !== undefined;
    return createFailure(name as FailureName, text, this.#nodeId, {
      executed,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(hasData ? { data } : {}),
    });
  }

  #send([, id, target, method, params, timeoutMs, path, traceparent]: Extract<
    FromWorker,
    readonly ['send', ...unknown[]]
  >): void {
    const { clock, nodeId } = this.#options;
    const here = nodeId();
    const notFound = (): void =>
      this.#post(['failure', id, createFailure('service_not_found', `server '${target}' not found`, here)]);
    const call = createOutboundCall({
      target,
      method,
      params: bytesOf(params),
      deadline: clock.now() + timeoutMs,
      nodeId: here,
      callPath: splitPath(path).map((server) => (server.includes('@') ? server : `${server}@${here}`)),
      traceparent,
    });
    if (call === undefined || this.#outbound === undefined) {
      notFound();
      return;
    }
    let isOver = false;
    const worker = this.#worker;
    const cancel = this.#outbound(call, (outcome) => {
      isOver = true;
      this.#outside.delete(id);
      // An answer for a worker that is gone means nothing to its successor.
      if (worker !== this.#worker) return;
      if (outcome.kind === 'failure') this.#post(['failure', id, outcome.failure]);
      else {
        const body = packBytes(outcome.body);
        this.#batch.handOver(body);
        this.#post(['result', id, body]);
      }
    });
    if (!isOver) this.#outside.set(id, cancel);
  }

  /** Servers of this program by their bare names. */
  #inwards(callPath: readonly string[]): readonly string[] {
    if (callPath.length === 0) return callPath;
    const here = `@${this.#options.nodeId()}`;
    return callPath.map((server) => (server.endsWith(here) ? server.slice(0, -here.length) : server));
  }

  /** While calls wait, the worker has to be heard from now and then; code that checks no budget is ended so. */
  #watch(): void {
    if (this.#watchdog !== undefined) return;
    const { clock, watchdogMs } = this.#options;
    const silentMs = watchdogMs ?? this.#timeMs + 10_000;
    if (silentMs === Infinity) return;
    this.#hasHeard = false;
    this.#post(['ping', 0]);
    this.#watchdog = clock.after(silentMs, () => {
      // What has arrived while this thread was busy itself is heard first.
      clock.defer(() => {
        this.#watchdog = undefined;
        if (this.#state !== 'running') return;
        if (!this.#hasHeard) void this.#worker?.terminate();
        else if (this.#calls.size > 0) this.#watch();
      });
    });
  }
}

function unreachable(value: never): never {
  throw new Error(`unhandled message ${JSON.stringify(value)}`);
}
