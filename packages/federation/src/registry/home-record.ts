// The services of one Home at its Main. Entries live with the session; after it they are unhealthy for the time of the lease,
// so that a Home that comes back at once registers nothing. Source: protocol.md §4 Registration, Lease.

import {
  createFailure,
  type Failure,
  type LinkLimits,
  type RegistrationAnswer,
  type RegistrationMessage,
  type ServiceDescription,
} from '@relay/protocol';
import type { Holder, Instance } from './instance.ts';

type Refusal = { readonly service_name: string; readonly failure: Failure };

/** A registration that has not been completed. */
interface Pending {
  readonly seq: number;
  readonly base: number;
  readonly services: ServiceDescription[];
  readonly removed: string[];
}

/** What a complete registration changes. */
export interface RegistrationChange {
  readonly put: readonly ServiceDescription[];
  readonly removed: readonly string[];
}

export class HomeRecord implements Holder {
  readonly id: string;
  /** Of the process that registered: another one starts from nothing. */
  instance: string;
  isReachable = true;
  /** When it came back from being away, monotonic ms. */
  returnedAt: number | undefined;
  lastSeen: number;
  expiresAt: number | undefined;
  readonly services = new Map<string, Instance>();
  /** Number of the last accepted registration. */
  seq = 0;
  lease: Disposable | undefined;
  #pending: Pending | undefined;

  constructor(id: string, instance: string, now: number) {
    this.id = id;
    this.instance = instance;
    this.lastSeen = now;
  }

  /** A new process of the Home, or a session that did not resume: what is under way is forgotten, what is held stays until replaced. */
  forgetPending(): void {
    this.#pending = undefined;
  }

  /** Takes one message of a registration. With the last one of a `seq` the answer comes with the change to make. */
  register(
    message: RegistrationMessage,
    limits: LinkLimits,
    at: string,
  ): { readonly answer: RegistrationAnswer; readonly change?: RegistrationChange } {
    const { seq, base } = message;
    if (base !== 0 && base !== this.seq) {
      this.#pending = undefined;
      return { answer: { seq, want: 0 } };
    }
    const same = this.#pending?.seq === seq && this.#pending.base === base;
    const pending =
      same && this.#pending !== undefined ? this.#pending : { seq, base, services: [], removed: [] };
    this.#pending = pending;
    const refused: Refusal[] = [];
    pending.removed.push(...message.removed);
    for (const service of message.services) {
      const failure = this.#refusal(service, pending, limits, at);
      if (failure === undefined) pending.services.push(service);
      else refused.push({ service_name: service.name, failure });
    }
    const answer: RegistrationAnswer = refused.length > 0 ? { seq, refused } : { seq };
    if (!message.complete) return { answer };
    this.#pending = undefined;
    this.seq = seq;
    return { answer, change: this.#complete(pending) };
  }

  #refusal(
    service: ServiceDescription,
    pending: Pending,
    limits: LinkLimits,
    at: string,
  ): Failure | undefined {
    if (service.name === 'rpc')
      return createFailure('invalid_params', "'rpc' is reserved for the node itself", at);
    if (service.instance !== this.instance) {
      return createFailure(
        'invalid_params',
        `service '${service.name}' names another instance than AUTH`,
        at,
      );
    }
    // Length in UTF-16 units is at most the bytes; what it lets pass too much is bounded by the size of a message.
    if (JSON.stringify(service).length > limits.serviceBytes) {
      const data = { limit: { name: 'service_bytes', max: limits.serviceBytes } };
      return createFailure('payload_too_large', `the description of '${service.name}' is too large`, at, {
        data,
      });
    }
    const names = new Set(pending.base === 0 ? [] : this.services.keys());
    for (const removed of pending.removed) names.delete(removed);
    for (const { name } of pending.services) names.add(name);
    if (names.has(service.name) || names.size < limits.services) return undefined;
    const data = { limit: { name: 'services', max: limits.services } };
    return createFailure('payload_too_large', `a Home may offer at most ${limits.services} services`, at, {
      data,
    });
  }

  #complete(pending: Pending): RegistrationChange {
    const put = new Map(pending.services.map((service) => [service.name, service]));
    const gone = pending.base === 0 ? [...this.services.keys()] : pending.removed;
    return { put: [...put.values()], removed: gone.filter((name) => !put.has(name)) };
  }
}
