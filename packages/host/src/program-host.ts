// Everything a compiled program asks of its surroundings, put together: servers, settings, limits, output. Knows no threads, so the
// worker and a test in one thread run programs the same way.

import {
  createRuntime,
  type Effects,
  ObjectValue,
  type ProgramModule,
  type Runtime,
  runProgram,
  topLevelBudgets,
  type Value,
} from '@relay/language';
import { DEFAULT_LIMITS, DEFAULT_SEND_TIMEOUT_MS, type ProgramLimits, readLimits } from './limits.ts';
import { MessageContext } from './message-context.ts';
import { PageRenderer } from './page-renderer.ts';
import { ProgramMeter } from './program-meter.ts';
import { ProgramServers, type SendOutside } from './program-servers.ts';
import type { StateStore } from './state-store/state-store.ts';
import type { LogLevel } from './worker-wire.ts';

export interface ProgramHostPorts {
  /** In ms, monotonic. */
  readonly now: () => number;
  /** In ms since 1970. */
  readonly wallNow: () => number;
  readonly after: (delayMs: number, run: () => void) => Disposable;
  /** Runs soon and in order; must let the thread take messages now and then. */
  readonly schedule: (run: () => void) => void;
  /** Called now and then while the program computes. */
  readonly breathe: () => void;
  readonly random: () => number;
  readonly uuid: () => string;
  readonly print: (line: string) => void;
  readonly log: (level: LogLevel, line: string) => void;
  /** A server has said how it is. Absent: nobody wants to know. */
  readonly reportHealth?: (server: string, isHealthy: boolean) => void;
  readonly store: StateStore;
  /** Default: one that nobody reads. */
  readonly meter?: ProgramMeter;
  /** Nobody knows what is stored: the program must start anew. */
  readonly onStoreFailed: (error: unknown) => void;
  /** Undefined: there is no federation around this program. */
  readonly sendOutside: SendOutside | undefined;
}

/** What the operator sets; wins over `config`. */
export interface OperatorLimits {
  readonly limits: Partial<ProgramLimits>;
  readonly timeoutMs: number | undefined;
}

export class ProgramHost {
  readonly effects: Effects;
  readonly servers: ProgramServers;
  readonly pages: PageRenderer;
  /** Merged from all `config` blocks so far; later keys win. */
  settings = new ObjectValue();
  limits: ProgramLimits;
  readonly runtime: Runtime;
  readonly #ports: ProgramHostPorts;
  readonly #operator: OperatorLimits;
  #sendTimeoutMs: number;

  constructor(ports: ProgramHostPorts, operator: OperatorLimits = { limits: {}, timeoutMs: undefined }) {
    this.#ports = ports;
    this.#operator = operator;
    this.limits = { ...DEFAULT_LIMITS, ...operator.limits };
    this.#sendTimeoutMs = operator.timeoutMs ?? DEFAULT_SEND_TIMEOUT_MS;
    this.servers = new ProgramServers({
      ...ports,
      meter: ports.meter ?? new ProgramMeter(),
      limits: () => this.limits,
      sendTimeoutMs: () => this.#sendTimeoutMs,
      structs: () => this.runtime.structs,
      warn: (line) => ports.log('warn', line),
    });
    this.effects = {
      print: ports.print,
      log: ports.log,
      now: ports.wallNow,
      random: ports.random,
      uuid: ports.uuid,
      reportHealth: (server, isHealthy) => ports.reportHealth?.(server, isHealthy),
      startServer: (definition) => this.servers.start(definition),
      send: (from, target, method, args) => this.servers.send(from, target, method, args),
      configure: (settings) => this.#configure(settings),
    };
    this.runtime = createRuntime(this.effects);
    this.pages = new PageRenderer({
      ...ports,
      limits: () => this.limits,
      servers: this.servers,
      runtime: () => this.runtime,
    });
  }

  /** Runs top-level code, without limit of steps, time and sends; rejects with what it did not catch. */
  run(module: ProgramModule): Promise<Value> {
    const { message } = new MessageContext({
      budgets: topLevelBudgets(this.limits),
      server: undefined,
      state: undefined,
      callPath: [],
      deadline: Infinity,
      traceparent: '',
      now: this.#ports.now,
      breathe: this.#ports.breathe,
    });
    return runProgram(module, this.runtime, message);
  }

  #configure(settings: ObjectValue): void {
    this.settings = merge(this.settings, settings);
    const { limits, timeoutMs } = readLimits(this.settings);
    this.limits = { ...DEFAULT_LIMITS, ...limits, ...this.#operator.limits };
    this.#sendTimeoutMs = this.#operator.timeoutMs ?? timeoutMs ?? DEFAULT_SEND_TIMEOUT_MS;
  }
}

/** Objects within settings are groups of keys and merge as well. */
function merge(base: ObjectValue, more: ObjectValue): ObjectValue {
  let merged = base;
  for (const [key, value] of more.entries()) {
    const old: Value | undefined = merged.get(key);
    const both = old instanceof ObjectValue && value instanceof ObjectValue;
    merged = merged.set(key, both ? merge(old, value) : value);
  }
  return merged;
}
