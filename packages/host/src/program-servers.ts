// The servers of one running program: who they are, how messages reach them from each other and from outside, and which waits are
// refused because they would never end. Knows no threads and no Node: the worker and the tests put it together with their own ports.

import {
  type Binding,
  BudgetExceeded,
  bindArguments,
  FailedSend,
  fit,
  forgiveDebt,
  kindOf,
  type Message,
  ObjectValue,
  type ReceiveDefinition,
  RuntimeFailure,
  type SendArguments,
  type ServerDefinition,
  type ServerStatus,
  type Structs,
  type Value,
} from '@relay/language';
import type { CancelMode, KeptOutcome } from '@relay/protocol';
import type { MessageKey } from './idempotency/keyed-messages.ts';
import type { ProgramLimits } from './limits.ts';
import { type Delivered, Mailbox, type MailboxPorts } from './mailbox.ts';
import { Killed, MessageContext } from './message-context.ts';
import type { ProgramMeter } from './program-meter.ts';
import { type Refused, type Reply, refuse, toFailedSend } from './reply.ts';
import { StateNotSaved, type StateStore } from './state-store/state-store.ts';

/** A message from outside the program. */
export interface IncomingMessage {
  readonly server: string;
  readonly method: string;
  readonly args: SendArguments;
  /** Servers that wait for it: those of this program by bare name, others as `SERVICE@ADDRESS`. */
  readonly callPath: readonly string[];
  readonly deadline: number;
  readonly traceparent: string;
  /** Of a call with an idempotency key. `over` is called here only where nobody gets a reply. */
  readonly key?: MessageKey | undefined;
}

/** A message that leaves the program. */
export interface OutgoingMessage {
  /** As written in the program: a service, or `service@node`. */
  readonly target: string;
  readonly method: string;
  readonly args: SendArguments;
  readonly callPath: readonly string[];
  readonly timeoutMs: number;
  readonly traceparent: string;
}

export type CancelSend = (mode: CancelMode) => void;

/** Sends to servers that are not in the program. Gets back a reply as a value or a refusal; never settles after a cancel. */
export type SendOutside = (message: OutgoingMessage, settle: (reply: Reply) => void) => CancelSend;

/** What the servers need from whoever runs the program. */
export interface ProgramPorts {
  /** In ms, monotonic. */
  readonly now: () => number;
  readonly after: (delayMs: number, run: () => void) => Disposable;
  /** Runs soon and in order. */
  readonly schedule: (run: () => void) => void;
  /** Called now and then while a handler computes. */
  readonly breathe: () => void;
  readonly limits: () => ProgramLimits;
  /** How long a send waits at most. */
  readonly sendTimeoutMs: () => number;
  readonly structs: () => Structs;
  readonly store: StateStore;
  readonly meter: ProgramMeter;
  /** Nobody knows what is stored: the program must start anew. */
  readonly onStoreFailed: (error: unknown) => void;
  readonly warn: (text: string) => void;
  /** Undefined: there is no federation around this program. */
  readonly sendOutside: SendOutside | undefined;
}

/** The transport of a call outside may know better than this node's timer what became of it, so it gets to speak first. */
const OUTSIDE_GRACE_MS = 1_000;

export class ProgramServers {
  readonly #ports: ProgramPorts;
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #mailboxPorts: MailboxPorts;
  /** Undefined: everything is durable. Resolves with why what it stands for is not. */
  #lastCommit: Promise<StateNotSaved | undefined> | undefined;
  #lastFailure: StateNotSaved | undefined;
  /** What is durable, of each server with commits that are not. */
  readonly #durable = new Map<Mailbox, ObjectValue>();

  constructor(ports: ProgramPorts) {
    this.#ports = ports;
    this.#mailboxPorts = {
      now: ports.now,
      limits: ports.limits,
      schedule: ports.schedule,
      breathe: ports.breathe,
      meter: ports.meter,
      commit: (mailbox, state, previous, outcome) => this.#commit(mailbox, state, previous, outcome),
    };
  }

  /** Registers and starts a server with its stored state; one of the same name is replaced and stopped. */
  start(definition: ServerDefinition): ServerStatus {
    const state = this.#restore(definition);
    this.#mailboxes.get(definition.name)?.stop();
    const mailbox = new Mailbox(definition, state, this.#mailboxPorts);
    this.#mailboxes.set(definition.name, mailbox);
    return mailbox.status;
  }

  /** No server takes another message. */
  stop(): void {
    for (const mailbox of this.#mailboxes.values()) mailbox.stop();
  }

  /** A send of the program; rejects with a `FailedSend`. */
  send(from: Message, target: string, method: string, args: SendArguments): Promise<Value> {
    const context = MessageContext.of(from);
    if (context.isKilled) return Promise.reject(new Killed());
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    context.pause();
    const settle = (reply: Reply): void => {
      if (reply.kind === 'value') resolve(reply.value);
      else reject(toFailedSend(reply));
    };
    const timeoutMs = Math.min(this.#ports.sendTimeoutMs(), context.deadline - this.#ports.now());
    const mailbox = this.#mailboxes.get(target);
    if (mailbox === undefined) this.#sendOutside(context, target, method, args, timeoutMs, settle, reject);
    else this.#sendInside(context, mailbox, method, args, timeoutMs, settle, reject);
    return promise;
  }

  /** A message from outside; `settle` gets the reply when everything it depends on is durable. */
  receive(incoming: IncomingMessage, settle: (reply: Reply) => void): CancelSend {
    const mailbox = this.#mailboxes.get(incoming.server);
    if (mailbox === undefined) {
      settle(refuse('unknown_server', `Server '${incoming.server}' not found`));
      return () => {};
    }
    const again = cycleText(incoming.callPath, mailbox.definition.name);
    if (again !== undefined) {
      settle(refuse('call_cycle', again));
      return () => {};
    }
    let isCancelled = false;
    const delivered = this.#deliver(mailbox, incoming, (reply) => {
      this.#whenDurable((failed) => {
        if (isCancelled) {
          incoming.key?.over();
          return;
        }
        // What was refused has seen nothing of the state.
        settle(failed === undefined || reply.kind === 'refused' ? reply : notSaved(failed));
      });
    });
    if (delivered.kind === 'refused') {
      settle(delivered);
      return () => {};
    }
    return (mode) => {
      isCancelled = true;
      const { message } = delivered;
      const wasOver = message.isOver;
      if (mode === 'kill') mailbox.kill(message);
      else mailbox.withdraw(message);
      // A message that was taken back, or rolls back, settles nothing any more; one that goes on does.
      if (incoming.key !== undefined && !wasOver && (mode === 'kill' || message.isOver)) incoming.key.over();
    };
  }

  #sendInside(
    context: MessageContext,
    mailbox: Mailbox,
    method: string,
    args: SendArguments,
    timeoutMs: number,
    settle: (reply: Reply) => void,
    reject: (thrown: unknown) => void,
  ): void {
    const { callPath, server } = context.message;
    const { name } = mailbox.definition;
    const sender = this.#senderOf(server);
    const again = cycleText(callPath, name) ?? circleText(sender, mailbox);
    if (again !== undefined) {
      settle(refuse('call_cycle', again));
      return;
    }

    const finish = (): void => {
      timer?.[Symbol.dispose]();
      context.killWait = undefined;
      if (sender !== undefined) sender.waitsFor = undefined;
    };
    const delivered = this.#deliver(
      mailbox,
      {
        method,
        args,
        callPath,
        deadline: this.#ports.now() + timeoutMs,
        traceparent: context.traceparent,
      },
      (reply) => {
        finish();
        settle(reply);
      },
    );
    if (delivered.kind === 'refused') {
      settle(delivered);
      return;
    }
    if (sender !== undefined) sender.waitsFor = mailbox;
    const timer = this.#timer(timeoutMs, () => {
      finish();
      const executed = mailbox.withdraw(delivered.message) ? 'no' : 'unknown';
      settle(refuse('timeout', timeoutText(name), executed));
    });
    context.killWait = () => {
      finish();
      mailbox.kill(delivered.message);
      reject(new Killed());
    };
  }

  #sendOutside(
    context: MessageContext,
    target: string,
    method: string,
    args: SendArguments,
    timeoutMs: number,
    settle: (reply: Reply) => void,
    reject: (thrown: unknown) => void,
  ): void {
    const { sendOutside } = this.#ports;
    if (sendOutside === undefined) {
      settle(refuse('unknown_server', `server '${target}' not found`));
      return;
    }
    const { callPath } = context.message;
    const message = { target, method, args, callPath, timeoutMs, traceparent: context.traceparent };
    let isOver = false;
    let cancel: CancelSend = () => {};
    const finish = (): void => {
      isOver = true;
      timer?.[Symbol.dispose]();
      context.killWait = undefined;
    };
    const timer = this.#timer(timeoutMs + OUTSIDE_GRACE_MS, () => {
      finish();
      cancel('abandon');
      settle(refuse('timeout', timeoutText(target), 'unknown'));
    });
    context.killWait = () => {
      finish();
      cancel('kill');
      reject(new Killed());
    };
    // What leaves the program may tell of state it has read, which therefore must be durable.
    this.#whenDurable((failed) => {
      if (isOver) return;
      if (failed !== undefined) {
        finish();
        settle(notSaved(failed));
        return;
      }
      cancel = sendOutside(message, (reply) => {
        if (isOver) return;
        finish();
        settle(reply);
      });
    });
  }

  /** A server that was replaced while it waits is nobody's target any more, so no circle goes through it. */
  #senderOf(server: ServerDefinition | undefined): Mailbox | undefined {
    const mailbox = server === undefined ? undefined : this.#mailboxes.get(server.name);
    return mailbox?.definition === server ? mailbox : undefined;
  }

  #deliver(
    mailbox: Mailbox,
    message: Omit<IncomingMessage, 'server'>,
    settle: (reply: Reply) => void,
  ): { readonly kind: 'delivered'; readonly message: Delivered } | Refused {
    const { name, receives } = mailbox.definition;
    const receive = receives.get(message.method);
    if (receive === undefined)
      return refuse('unknown_method', `server '${name}' has no method '${message.method}'`);
    const bound = bind(receive, message.args, this.#ports.structs());
    if (!bound.ok) return refuse('bad_arguments', bound.error);
    if (!mailbox.status.running) return refuse('unavailable', `server ${name} is not running`);
    if (mailbox.isFull) return refuse('overloaded', `server ${name} has too many waiting messages`);
    const { callPath, deadline, traceparent, key } = message;
    return {
      kind: 'delivered',
      message: mailbox.deliver({ receive, args: bound.values, callPath, deadline, traceparent, key, settle }),
    };
  }

  #timer(delayMs: number, run: () => void): Disposable | undefined {
    return delayMs === Infinity ? undefined : this.#ports.after(Math.max(0, delayMs), run);
  }

  /** The declared fields in order: what is stored, else the default. */
  #restore({ name, fields }: ServerDefinition): ObjectValue {
    const stored = this.#ports.store.load(name);
    const entries: [string, Value][] = fields.map((field) => {
      const value = stored?.get(field.name);
      if (value === undefined || value === null || field.type === undefined)
        return [field.name, value ?? field.initial];
      const fitted = fit(value, field.type, this.#ports.structs());
      if (fitted.ok) return [field.name, fitted.value];
      throw new RuntimeFailure(
        `server '${name}' state field '${field.name}': stored value is ${kindOf(value)}, declared ${field.type.text}` +
          '; export it, change and import it, or reset it: relay state --help',
      );
    });
    const declared = new Set(fields.map((field) => field.name));
    for (const field of stored?.keys() ?? []) {
      if (!declared.has(field)) {
        this.#ports.warn(
          `server '${name}' no longer declares state field '${field}'; its stored value is kept`,
        );
      }
    }
    return ObjectValue.from(entries);
  }

  /** Resolves when everything committed so far is durable, or rejects because it is not. */
  async durable(): Promise<void> {
    const failed = await this.#lastCommit;
    if (failed !== undefined) throw failed;
  }

  #commit(
    mailbox: Mailbox,
    state: ObjectValue,
    previous: ObjectValue,
    outcome: KeptOutcome | undefined,
  ): void {
    const changed = state === previous ? undefined : state;
    const commit = this.#ports.store.commit(mailbox.definition.name, changed, previous, outcome);
    if (commit === undefined) return;
    if (!this.#durable.has(mailbox)) this.#durable.set(mailbox, previous);
    const settled = commit.then(
      () => {
        if (this.#lastCommit !== settled) {
          if (this.#durable.has(mailbox)) this.#durable.set(mailbox, state);
          return undefined;
        }
        this.#lastCommit = undefined;
        this.#durable.clear();
        return undefined;
      },
      (error: unknown) => {
        if (!(error instanceof StateNotSaved)) {
          this.#ports.onStoreFailed(error);
          throw error;
        }
        this.#takeBack(error);
        if (this.#lastCommit === settled) this.#lastCommit = undefined;
        return error;
      },
    );
    settled.catch(() => {});
    this.#lastCommit = settled;
  }

  /** Every server goes on from what is durable. A handler that waits for a reply may know of what is not, so it ends in vain. */
  #takeBack(error: StateNotSaved): void {
    // All commits of a batch fail with one error.
    if (error === this.#lastFailure) return;
    this.#lastFailure = error;
    this.#ports.warn(error.message);
    const doom = notSaved(error);
    for (const mailbox of this.#mailboxes.values()) mailbox.takeBack(this.#durable.get(mailbox), doom);
    this.#durable.clear();
  }

  /** Commits are durable in order, so the last one stands for all. Where nobody knows what is stored, nothing leaves any more. */
  #whenDurable(run: (failed: StateNotSaved | undefined) => void): void {
    if (this.#lastCommit === undefined) run(undefined);
    else void this.#lastCommit.then(run, () => {});
  }
}

/** `internal_error`: the handler ran, and its changes are not there, or nobody knows. */
function notSaved({ message, executed }: StateNotSaved): Refused {
  return { kind: 'refused', failure: new FailedSend({ code: 'failed', error: message, executed }) };
}

/** A message may not come back to a server that waits for it. */
function cycleText(callPath: readonly string[], name: string): string | undefined {
  const from = callPath.indexOf(name);
  return from < 0 ? undefined : `call cycle: ${[...callPath.slice(from), name].join(' -> ')}`;
}

/** Messages of different origin may not wait for each other in a circle. Each server waits for at most one other. */
function circleText(sender: Mailbox | undefined, target: Mailbox): string | undefined {
  if (sender === undefined) return undefined;
  const names = [sender.definition.name];
  for (let next: Mailbox | undefined = target; next !== undefined; next = next.waitsFor) {
    names.push(next.definition.name);
    if (next === sender) return `call cycle: ${names.join(' -> ')}`;
  }
  return undefined;
}

/** Values nested too deeply, and those that take too long to check, are found while they are looked through. */
function bind(receive: ReceiveDefinition, args: SendArguments, structs: Structs): Binding {
  try {
    return bindArguments(receive, args, structs);
  } catch (thrown) {
    if (!(thrown instanceof RuntimeFailure || thrown instanceof BudgetExceeded)) throw thrown;
    return { ok: false, error: thrown.message };
  } finally {
    forgiveDebt();
  }
}

function timeoutText(server: string): string {
  return `timeout waiting for reply from server ${server}`;
}
