// What the host knows about a message while it is handled, beside what compiled code sees of it: until when its caller waits, the
// clock of its own computing time, and how to end it.

import {
  type Budgets,
  createMessage,
  type Message,
  type ObjectValue,
  type ServerDefinition,
} from '@relay/language';

export interface MessageContextOptions {
  readonly budgets: Budgets;
  readonly server: ServerDefinition | undefined;
  readonly state: ObjectValue | undefined;
  readonly callPath: readonly string[];
  /** On the worker's clock, in ms; `Infinity` for top-level code. */
  readonly deadline: number;
  /** Of the call that led here; empty if the program began by itself. */
  readonly traceparent: string;
  readonly now: () => number;
  /** Called now and then while a handler computes: learns of kills that no event could deliver, lets out what waits to leave. */
  readonly breathe: () => void;
}

/** Ends a handler that was killed. The program cannot catch it, and nobody waits for the reply. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** One more property, the same for every message: compiled code reads messages at every step and wants them all of one shape. */
interface HostedMessage extends Message {
  context?: MessageContext;
}

export class MessageContext {
  readonly message: Message;
  readonly deadline: number;
  readonly traceparent: string;
  isKilled = false;
  /** Ends the send this message waits in, if it waits in one. */
  killWait: (() => void) | undefined;
  readonly #now: () => number;
  readonly #breathe: () => void;
  readonly #timeMs: number;
  #spentMs = 0;
  /** Since when it computes; undefined while it waits, and after a wait until it is asked again. */
  #since: number | undefined;

  constructor(options: MessageContextOptions) {
    this.message = createMessage({ ...options, expired: () => this.#expired() });
    this.deadline = options.deadline;
    this.traceparent = options.traceparent;
    this.#now = options.now;
    this.#breathe = options.breathe;
    this.#timeMs = options.budgets.timeMs;
    this.#since = options.now();
    (this.message as HostedMessage).context = this;
  }

  static of(message: Message): MessageContext {
    const { context } = message as HostedMessage;
    if (context === undefined) throw new Error('message without context');
    return context;
  }

  /** Steps it has taken so far, of a message whose steps are bounded. */
  get stepsTaken(): number {
    const { budgets, steps, reserve } = this.message;
    return budgets.steps - reserve - steps;
  }

  /** It waits for a reply now, which costs nothing. */
  pause(): void {
    if (this.#since === undefined) return;
    this.#spentMs += this.#now() - this.#since;
    this.#since = undefined;
  }

  kill(): void {
    this.isKilled = true;
    this.killWait?.();
  }

  #expired(): boolean {
    this.#breathe();
    if (this.isKilled) throw new Killed();
    const now = this.#now();
    // After a wait the count begins here: what other handlers computed meanwhile is not this message's.
    this.#since ??= now;
    return this.#spentMs + now - this.#since > this.#timeMs;
  }
}
