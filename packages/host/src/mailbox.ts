// One mailbox per server: one message at a time, in order of arrival, interrupted only at its sends. The state of the server lives
// here; a message gets the state as it is and leaves another one behind if it succeeds, so rolling back means doing nothing.

import {
  BudgetExceeded,
  type Message,
  type ObjectValue,
  type ReceiveDefinition,
  type ServerDefinition,
  type ServerStatus,
  type Value,
} from '@relay/language';
import type { KeptOutcome } from '@relay/protocol';
import type { MessageKey } from './idempotency/keyed-messages.ts';
import type { ProgramLimits } from './limits.ts';
import { MessageContext } from './message-context.ts';
import type { ProgramMeter, RunResultName } from './program-meter.ts';
import { type Reply, refuse } from './reply.ts';

/** A message on its way to a server: bound, so only the handler itself can still fail. */
export interface Delivery {
  readonly receive: ReceiveDefinition;
  readonly args: readonly Value[];
  /** Servers that wait for it, outermost first. */
  readonly callPath: readonly string[];
  /** When the caller stops waiting, on the worker's clock. */
  readonly deadline: number;
  readonly traceparent: string;
  /** Of a call with an idempotency key. */
  readonly key: MessageKey | undefined;
  /** Gets the one reply; not after a withdrawal or a kill. */
  readonly settle: (reply: Reply) => void;
}

/** What a mailbox needs from the program around it. */
export interface MailboxPorts {
  readonly now: () => number;
  readonly limits: () => ProgramLimits;
  /** Runs soon, in order, never at once: handlers must not nest on one stack. */
  readonly schedule: (run: () => void) => void;
  readonly breathe: () => void;
  readonly meter: ProgramMeter;
  /** `state` is `previous` where a message has changed nothing and its outcome is to be kept. */
  readonly commit: (
    mailbox: Mailbox,
    state: ObjectValue,
    previous: ObjectValue,
    outcome: KeptOutcome | undefined,
  ) => void;
}

/** A message that waits or runs, as its sender holds it. */
export class Delivered {
  readonly delivery: Delivery;
  /** On the worker's clock. */
  readonly arrivedAt: number;
  /** From its beginning. */
  context: MessageContext | undefined;
  isOver = false;
  /** It may have seen state that was taken back, so whatever it does is void and its caller gets this. */
  doom: Reply | undefined;

  constructor(delivery: Delivery, arrivedAt: number) {
    this.delivery = delivery;
    this.arrivedAt = arrivedAt;
  }
}

export class Mailbox {
  readonly definition: ServerDefinition;
  readonly status: ServerStatus = { running: true };
  /** Another server whose reply the running message waits for; the edges along which circles are found. */
  waitsFor: Mailbox | undefined;
  #state: ObjectValue;
  readonly #ports: MailboxPorts;
  /** In order of arrival; a set, since any of them may be withdrawn. */
  readonly #waiting = new Set<Delivered>();
  #running: Delivered | undefined;
  #isScheduled = false;

  constructor(definition: ServerDefinition, state: ObjectValue, ports: MailboxPorts) {
    this.definition = definition;
    this.#state = state;
    this.#ports = ports;
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#ports.limits().mailbox;
  }

  deliver(delivery: Delivery): Delivered {
    const delivered = new Delivered(delivery, this.#ports.now());
    this.#waiting.add(delivered);
    this.#wake();
    return delivered;
  }

  /** Takes back a message that has not begun. False: it has, or it is over. */
  withdraw(delivered: Delivered): boolean {
    if (!this.#waiting.delete(delivered)) return false;
    delivered.isOver = true;
    return true;
  }

  /** Nobody wants the reply any more; a handler that runs ends at its next send or budget check. */
  kill(delivered: Delivered): void {
    if (this.withdraw(delivered) || delivered.isOver) return;
    delivered.context?.kill();
  }

  /** What was not durable is taken back: the state is another one, and a message that runs may have seen the one before. */
  takeBack(state: ObjectValue | undefined, doom: Reply): void {
    if (state !== undefined) this.#state = state;
    if (this.#running !== undefined) this.#running.doom ??= doom;
  }

  /** The message that runs ends as it would; those that wait are refused. */
  stop(): void {
    this.status.running = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const delivered of waiting) {
      this.#settle(delivered, refuse('unavailable', `server ${this.definition.name} is not running`));
    }
  }

  #wake(): void {
    if (this.#isScheduled || this.#running !== undefined || this.#waiting.size === 0) return;
    this.#isScheduled = true;
    this.#ports.schedule(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #next(): void {
    for (const delivered of this.#waiting) {
      this.#waiting.delete(delivered);
      const now = this.#ports.now();
      this.#ports.meter.waited(now - delivered.arrivedAt);
      if (delivered.delivery.deadline > now) {
        this.#run(delivered);
        return;
      }
      const { name } = this.definition;
      this.#settle(delivered, refuse('timeout', `timeout waiting for reply from server ${name}`));
    }
  }

  #run(delivered: Delivered): void {
    const { delivery } = delivered;
    const context = new MessageContext({
      budgets: this.#ports.limits(),
      server: this.definition,
      state: this.#state,
      callPath: [...delivery.callPath, this.definition.name],
      deadline: delivery.deadline,
      traceparent: delivery.traceparent,
      now: this.#ports.now,
      breathe: this.#ports.breathe,
    });
    delivered.context = context;
    this.#running = delivered;
    const fail = (thrown: unknown): void => this.#fail(delivered, thrown);
    const succeed = (value: Value): void => this.#succeed(delivered, context.message, value);
    try {
      const value = delivery.receive.run(context.message, ...delivery.args);
      if (value instanceof Promise) void value.then(succeed, fail);
      else succeed(value);
    } catch (thrown) {
      fail(thrown);
    }
  }

  #succeed(delivered: Delivered, message: Message, value: Value): void {
    const reply = { kind: 'value', value } as const;
    if (!isVoid(delivered)) {
      const previous = this.#state;
      if (message.state !== undefined) this.#state = message.state;
      // A replaced server ends its last message, but the state in the store belongs to its successor.
      const kept = this.status.running ? this.#state : previous;
      const { key } = delivered.delivery;
      if (kept !== previous || key !== undefined) {
        this.#ports.commit(this, kept, previous, key?.outcomeOf(reply));
      }
    }
    this.#finish(delivered, reply, 'ok');
  }

  /** Its changes are void, that it ran is not: who asks again with the same key gets the same failure. */
  #fail(delivered: Delivered, thrown: unknown): void {
    const reply = { kind: 'failed', thrown } as const;
    const { key } = delivered.delivery;
    if (key !== undefined && !isVoid(delivered)) {
      this.#ports.commit(this, this.#state, this.#state, key.outcomeOf(reply));
    }
    this.#finish(delivered, reply, thrown instanceof BudgetExceeded ? 'limit' : 'failed');
  }

  #finish(delivered: Delivered, reply: Reply, result: RunResultName): void {
    const { context, doom } = delivered;
    const isKilled = context?.isKilled === true;
    this.#ports.meter.ran(
      isKilled ? 'killed' : doom === undefined ? result : 'failed',
      context?.stepsTaken ?? 0,
    );
    this.#running = undefined;
    this.waitsFor = undefined;
    this.#settle(delivered, delivered.doom ?? reply);
    this.#wake();
  }

  #settle(delivered: Delivered, reply: Reply): void {
    delivered.isOver = true;
    if (delivered.context?.isKilled !== true) delivered.delivery.settle(reply);
  }
}

/** A kill that came too late for any check still rolls back: nobody has seen anything of this message. */
function isVoid({ context, doom }: Delivered): boolean {
  return context?.isKilled === true || doom !== undefined;
}
