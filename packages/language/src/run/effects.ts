// What a running program needs from outside, and what it gives: the seam between the pure language and the host that runs it.
// The language performs no I/O; everything that touches the world goes through `Effects`.

import type { Effect } from '../check/service-interface.ts';
import type { RuntimeType } from './type.ts';
import type { ObjectValue, Value } from './value.ts';

/** What one message may use up; language.md §16. `Infinity` switches a bound off. */
export interface Budgets {
  readonly steps: number;
  /** Computing time in ms; waiting for replies is free. */
  readonly timeMs: number;
  /** Nested calls. */
  readonly depth: number;
  /** Bytes of JSON text of one argument, result or state field. */
  readonly valueBytes: number;
  /** Bytes of JSON text of the whole state of one server. */
  readonly stateBytes: number;
  /** UTF-8 bytes of one string. */
  readonly stringBytes: number;
  /** Elements of one array, keys of one object. */
  readonly arrayLength: number;
  /** Outgoing sends. */
  readonly sends: number;
}

/**
 * What travels through every compiled function while one message is handled (or top-level code runs): its budget and its view of
 * state. Compiled code receives it as its hidden first argument, so functions of different messages may interleave at sends.
 */
export interface Message {
  readonly budgets: Budgets;
  /** What is left before the next look at the clock; `reserve` holds the rest. Made by `createMessage`. */
  steps: number;
  reserve: number;
  /** What is left; below zero the budget is exceeded. */
  depth: number;
  sends: number;
  /** The server that handles it; undefined for top-level code. */
  readonly server: ServerDefinition | undefined;
  /** The receive function it began with; set when that runs. Its effect is what the message may do. */
  entered: ReceiveDefinition | undefined;
  /** State as this message sees it: that of the server when the message began, plus its own changes. Committed by the host. */
  state: ObjectValue | undefined;
  /** Servers that wait for this message, outermost first, ending with its own: `SERVICE@ADDRESS`, or the bare name in this program. */
  readonly callPath: readonly string[];
  /** Asked at every budget check of time: true when the handler must end (killed, or out of time). */
  expired(): boolean;
}

export interface ReceiveDefinition {
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: RuntimeType | undefined }[];
  readonly effect: Effect;
  /** How strongly it acts beside sending; language.md §15. */
  readonly level: Exclude<Effect, 'calls'>;
  /** May wait for a reply: `run` may return a promise. */
  readonly suspends: boolean;
  /** Runs the body. Arguments are bound and checked (see `bindArguments`), one per parameter; the result is checked to be data. */
  readonly run: (message: Message, ...args: Value[]) => Value | Promise<Value>;
}

export interface ServerDefinition {
  readonly name: string;
  /** In order of declaration; `initial` has been evaluated and checked. */
  readonly fields: readonly {
    readonly name: string;
    readonly type: RuntimeType | undefined;
    readonly initial: Value;
  }[];
  readonly receives: ReadonlyMap<string, ReceiveDefinition>;
}

/** Held by the server value of the program; the host switches it off when the server is replaced or ends. */
export interface ServerStatus {
  running: boolean;
}

/** Arguments of a send, as written. */
export type SendArguments =
  | { readonly kind: 'named'; readonly value: ObjectValue }
  | { readonly kind: 'positional'; readonly values: readonly Value[] };

/** Did the handler run? `unknown`: nobody can tell. */
export type Executed = 'no' | 'yes' | 'unknown';

/** Codes of a failed send; language.md §10. Transports may add codes. */
export type SendCode =
  | 'unknown_server'
  | 'unknown_method'
  | 'bad_arguments'
  | 'thrown'
  | 'failed'
  | 'budget'
  | 'call_cycle'
  | 'overloaded'
  | 'unavailable'
  | 'timeout'
  | 'lost';

export interface Effects {
  /** One line of output, without the line break. */
  print(line: string): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', line: string): void;
  /** ms since 1970. */
  now(): number;
  /** At least 0 and less than 1. */
  random(): number;
  uuid(): string;
  /** What a server says of itself. Holds at once, whatever becomes of the message. */
  reportHealth(server: string, isHealthy: boolean): void;
  /** Registers and starts a server; one of the same name is replaced and stopped. */
  startServer(definition: ServerDefinition): ServerStatus;
  /** A server or service by the text after `send`; resolves with the reply, rejects with a `FailedSend`. Never for the own server. */
  send(from: Message, target: string, method: string, args: SendArguments): Promise<Value>;
  /** The entries of one `config` block, evaluated. */
  configure(settings: ObjectValue): void;
}
