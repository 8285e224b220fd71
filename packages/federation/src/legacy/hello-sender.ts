// When neighbours are told what is here: when a link opens, soon after a change, and every 30 s. Source: legacy-p2p.md §4.5.

import { type Clock, encodeP2p, P2P_LIMITS } from '@relay/protocol';
import type { Log } from '../observe/log.ts';
import { createHello } from './hello.ts';
import type { Neighbour, P2pService } from './neighbour.ts';
import type { OwnMessages } from './own-messages.ts';
import { waysFrom } from './ways.ts';

export interface HelloSenderOptions {
  readonly self: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly messages: OwnMessages;
  readonly neighbours: () => Iterable<Neighbour>;
  readonly services: () => readonly P2pService[];
  readonly below: () => Iterable<string>;
}

/** What is the same for every neighbour. */
interface Here {
  readonly services: readonly P2pService[];
  readonly below: readonly string[];
}

/** A Main with many Homes that come and go must not spend its time on telling of them: a tenth at most. */
const REST_PER_ROUND = 10;

export class HelloSender {
  readonly #options: HelloSenderOptions;
  #soon: Disposable | undefined;
  /** How long the last round took. */
  #roundMs = 0;
  #hasWarned = false;

  constructor(options: HelloSenderOptions) {
    this.#options = options;
  }

  /** Several changes at once are told once. */
  sendSoon(): void {
    const { clock, neighbours } = this.#options;
    const delayMs = Math.max(P2P_LIMITS.syncDelayMs, this.#roundMs * REST_PER_ROUND);
    this.#soon ??= clock.after(delayMs, () => {
      this.#soon = undefined;
      const startedAt = clock.now();
      const here = this.#here();
      for (const neighbour of neighbours()) this.#send(neighbour, here);
      this.#roundMs = clock.now() - startedAt;
    });
  }

  /** What is due for repetition is sent again even without a change. */
  sendDue(neighbour: Neighbour): void {
    if (this.#options.clock.now() - neighbour.toldAt >= P2P_LIMITS.pingMs) this.send(neighbour);
  }

  send(neighbour: Neighbour): void {
    this.#send(neighbour, this.#here());
  }

  #here(): Here {
    const { services, below } = this.#options;
    return { services: services(), below: [...below()] };
  }

  /** Says what can be reached here, unless it was said lately in the same words. */
  #send(neighbour: Neighbour, { services, below }: Here): void {
    if (!neighbour.isOpen) return;
    const { self, clock, log, messages, neighbours } = this.#options;
    const ways = waysFrom(neighbours(), neighbour.id, below, self);
    const { data, json, isCut } = createHello(self, services, ways);
    if (isCut && !this.#hasWarned) {
      this.#hasWarned = true;
      log.warn('more services or nodes here than P2P neighbours can be told of', { to: neighbour.id });
    }
    const now = clock.now();
    if (json === neighbour.told && now - neighbour.toldAt < P2P_LIMITS.pingMs) return;
    neighbour.told = json;
    neighbour.toldAt = now;
    neighbour.send(encodeP2p(messages.stamped(messages.create('registry_sync', neighbour.id, data))));
  }

  close(): void {
    this.#soon?.[Symbol.dispose]();
    this.#soon = undefined;
  }
}
