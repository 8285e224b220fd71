// Where a Main sends a call. A call from a peer ends here or at a Home of this Main, so loops cannot exist.
// Source: http-api.md §4.2 (service names), §5.2 (addresses); protocol.md §7 (hops).

import {
  type Call,
  type Clock,
  createFailure,
  type FailureName,
  formatAddress,
  homeAddress,
  mainAddress,
  type NodeAddress,
} from '@relay/protocol';
import type { Balancer } from '../balance/balancer.ts';
import type { Health } from '../balance/health.ts';
import type { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import { type Instance, isCallable } from '../registry/instance.ts';
import type { CallOrigin, Expectations, MainLinks, Route } from './route.ts';

const NONE: readonly Instance[] = Object.freeze([]);
const NOBODY = (): boolean => false;

/** Who calls, for strategies that keep a caller at one instance. */
function callerKey({ caller }: Call, from: CallOrigin): string {
  return caller.subject ?? (from.kind === 'peer' ? caller.node : (from.id ?? caller.node));
}

/** Advice for callers that find every way closed at the moment. */
const RETRY_AFTER_MS = 1_000;

export interface MainRoutingOptions {
  readonly self: string;
  readonly registry: FederationServiceRegistry;
  readonly balancer: Balancer;
  readonly health: Health;
  readonly clock: Clock;
  readonly links: MainLinks;
  /** Absent: this Main waits for nobody. */
  readonly settling?: Expectations;
}

export class MainRouting {
  readonly #options: MainRoutingOptions;

  constructor(options: MainRoutingOptions) {
    this.#options = options;
  }

  /** `tried`: instances that this call must not go to again. */
  decide(call: Call, from: CallOrigin, tried: readonly Instance[]): Route {
    const { destination } = call;
    if (destination === undefined) return this.#anyInstance(call, from, tried);
    if (destination.type === 'main') return this.#toMain(destination.id, call, from);
    if (destination.mainRelay === undefined) return this.#toBareId(destination.id, call, from);
    if (destination.mainRelay === this.#options.self) return this.#toHome(destination.id, call, from);
    return this.#toPeer(destination.mainRelay, destination, call, from);
  }

  #anyInstance(call: Call, from: CallOrigin, tried: readonly Instance[]): Route {
    const { registry, balancer, clock } = this.#options;
    const now = clock.now();
    const locals = registry.local.of(call.service);
    const remotes = from.kind === 'peer' ? NONE : registry.federated.of(call.service);
    balancer.search(
      call,
      callerKey(call, from),
      now,
      (instance) =>
        tried.includes(instance) ||
        (instance.origin !== 'self' && call.path.includes(instance.node.id)) ||
        registry.isSecondWay(instance),
    );
    const own = registry.own(call.service);
    const instance =
      own !== undefined && balancer.takes(own) ? own : (balancer.pick(locals) ?? balancer.pick(remotes));
    if (instance !== undefined) return this.#toChosen(instance, call, now);
    if (locals.length + remotes.length === 0) {
      return this.#unknownService(
        call.service,
        `service '${call.service}' is not known to ${this.#options.self}`,
      );
    }
    return this.#toEjected(call, [locals, remotes], now);
  }

  /** None is well. One that was left out is better than none; otherwise the call is told why there is none. */
  #toEjected(call: Call, lists: readonly (readonly Instance[])[], now: number): Route {
    const { balancer } = this.#options;
    const { eligible } = balancer;
    if (eligible.ejected > 0) {
      eligible.withEjected = true;
      for (const list of lists) {
        const instance = balancer.pick(list);
        if (instance !== undefined) return this.#toChosen(instance, call, now);
      }
    }
    if (eligible.full > 0) {
      return this.#none('overloaded', `every instance of '${call.service}' is at its limit`, RETRY_AFTER_MS);
    }
    return eligible.blocked > 0
      ? this.#circuitOpen(`'${call.service}'`, call.method, eligible.opensAt - now)
      : this.#none('no_healthy_instance', `no instance of '${call.service}' can be reached`, RETRY_AFTER_MS);
  }

  #circuitOpen(service: string, method: string, opensInMs: number): Route {
    const message = `${method} of ${service} failed again and again; the next call is let through in ${Math.ceil(opensInMs / 1_000)} s`;
    return this.#none('circuit_open', message, Math.ceil(opensInMs));
  }

  /** An instance that the strategy picked or an address names; `retryAfterMs` and all say why it cannot be asked now. */
  #toChosen(instance: Instance, call: Call, now: number): Route {
    const remaining = call.deadline - now;
    if (!this.#options.health.needsMoreThan(remaining, instance, call.method, now)) {
      return this.#toInstance(instance);
    }
    const { usualMs } = instance.stats.methods.get(call.method) ?? { usualMs: remaining };
    const failure = createFailure(
      'timeout',
      `${Math.round(remaining)} ms are left, and ${call.service}.${call.method} usually takes ${Math.round(usualMs)} ms`,
      this.#options.self,
      { executed: 'no' },
    );
    return { kind: 'none', failure };
  }

  /** Why an instance that the call names by its address cannot be asked, if so. */
  #refusalOf(instance: Instance | undefined, call: Call): Route | undefined {
    if (instance === undefined) return undefined;
    const { balancer, clock } = this.#options;
    const now = clock.now();
    balancer.search(call, '', now, NOBODY);
    const { eligible } = balancer;
    eligible.withEjected = true;
    if (eligible.allows(instance)) {
      const chosen = this.#toChosen(instance, call, now);
      return chosen.kind === 'none' ? chosen : undefined;
    }
    const name = `'${call.service}' at ${instance.address}`;
    if (eligible.full > 0) return this.#none('overloaded', `${name} is at its limit`, RETRY_AFTER_MS);
    if (eligible.blocked > 0) return this.#circuitOpen(name, call.method, eligible.opensAt - now);
    // What cannot be reached is said by who looks for the link.
    return undefined;
  }

  #toInstance(instance: Instance): Route {
    const { links, self } = this.#options;
    if (instance.service !== undefined) return { kind: 'service', handle: instance.service.handle, instance };
    const { node } = instance;
    if (instance.origin === 'home') {
      const outlet = links.home(node.id);
      if (outlet !== undefined) return { kind: 'via', outlet, destination: node, instance };
      return this.#none('home_disconnected', `${node.id} is not connected to ${self}`, RETRY_AFTER_MS);
    }
    if (instance.origin === 'p2p') {
      const outlet = links.p2p?.(node.id);
      if (outlet !== undefined) return { kind: 'via', outlet, destination: node, instance };
      return this.#none('home_disconnected', `${node.id} is not connected to ${self}`, RETRY_AFTER_MS);
    }
    const main = node.mainRelay ?? node.id;
    const outlet = links.peer(main);
    if (outlet !== undefined) return { kind: 'via', outlet, destination: node, instance };
    return this.#none('peer_unreachable', `${main} is not connected to ${self}`, RETRY_AFTER_MS);
  }

  /** A Main's id as address: that Main chooses among its own program and its Homes. */
  #toMain(id: string, call: Call, from: CallOrigin): Route {
    if (id !== this.#options.self) return this.#toPeer(id, mainAddress(id), call, from);
    const { registry, balancer, clock } = this.#options;
    const now = clock.now();
    const locals = registry.local.of(call.service);
    const own = registry.own(call.service);
    if (locals.length === 0)
      return this.#unknownService(call.service, `${id} has no service '${call.service}'`);
    balancer.search(call, callerKey(call, from), now, ({ node, origin }) =>
      origin === 'self' ? false : call.path.includes(node.id),
    );
    const instance = own !== undefined && balancer.takes(own) ? own : balancer.pick(locals);
    return instance === undefined
      ? this.#toEjected(call, [locals], now)
      : this.#toChosen(instance, call, now);
  }

  #toHome(id: string, call: Call, from: CallOrigin): Route {
    const { registry, links, self } = this.#options;
    const record = registry.home(id);
    const outlet = links.home(id);
    if (outlet === undefined) {
      const p2p = record === undefined ? this.#toP2p(id, call, from) : undefined;
      if (p2p !== undefined) return p2p;
      return record === undefined
        ? this.#unknownHome(id)
        : this.#none('home_disconnected', `${id} is not connected to ${self}`, RETRY_AFTER_MS);
    }
    const instance = record?.services.get(call.service);
    if (instance === undefined && record?.seq === 0)
      return this.#notYet('no_healthy_instance', `${id} has not said yet what it offers`);
    if (instance === undefined)
      return this.#none('service_not_found', `${id} has no service '${call.service}'`);
    return (
      this.#refusalOf(instance, call) ?? {
        kind: 'via',
        outlet,
        destination: homeAddress(id, self),
        instance,
      }
    );
  }

  /** A node of the former protocol. What came from a peer goes to a direct one only, so that three hops stay the limit. */
  #toP2p(id: string, call: Call, from: CallOrigin): Route | undefined {
    const { links, registry, self } = this.#options;
    const outlet = links.p2p?.(id);
    if (outlet === undefined) {
      return links.knowsP2p?.(id) === true
        ? this.#none(
            'node_not_found',
            `failed to send remote server call: no route found to destination ${id}`,
          )
        : undefined;
    }
    if (from.kind === 'peer' && !outlet.isDirect) return undefined;
    const destination = homeAddress(id, self);
    const instance = registry.local.at(call.service, formatAddress(destination));
    return this.#refusalOf(instance, call) ?? { kind: 'via', outlet, destination, instance };
  }

  #toPeer(id: string, destination: NodeAddress, call: Call, from: CallOrigin): Route {
    const { links, registry, self } = this.#options;
    if (from.kind === 'peer') {
      return this.#none('too_many_hops', `${self} does not pass calls of a peer on to ${id}`);
    }
    const outlet = links.peer(id);
    if (outlet !== undefined) {
      const instance = this.#remoteInstance(call.service, destination);
      return this.#refusalOf(instance, call) ?? { kind: 'via', outlet, destination, instance };
    }
    return links.knowsPeer(id) || registry.knowsMain(id)
      ? this.#none('peer_unreachable', `${id} is not connected to ${self}`, RETRY_AFTER_MS)
      : this.#unknownNode(id);
  }

  /** Whose figures a call to an explicit address counts for. A Main that chooses by itself counts for nobody here. */
  #remoteInstance(service: string, node: NodeAddress): Instance | undefined {
    if (node.type === 'main') return undefined;
    return this.#options.registry.federated.at(service, formatAddress(node));
  }

  /** A bare id as a person wrote it: a Home of this Main, a peer, or the one Home of that name at a peer. */
  #toBareId(id: string, call: Call, from: CallOrigin): Route {
    const { registry, links, self } = this.#options;
    if (id === self) return this.#toMain(id, call, from);
    const ways = registry.waysToHome(id);
    const own = registry.home(id);
    if (links.home(id) !== undefined) return this.#toHome(id, call, from);
    // Until its lease ends, a Home that has gone is still known where it was: that must not hide where it is now.
    const present = ways.filter(({ main }) => !this.#isAwayFrom(main, id, call.service));
    if (own !== undefined) {
      const same = ways.filter(({ instance }) => instance === own.instance);
      const moved = same.length > 0 ? same : present;
      if (moved.length === 0 || !isOneInstance(moved)) return this.#toHome(id, call, from);
      return this.#toHomeElsewhere(id, mainsOf(moved), call, from);
    }
    if (links.knowsPeer(id) || registry.knowsMain(id)) return this.#toPeer(id, mainAddress(id), call, from);
    const p2p = this.#toP2p(id, call, from);
    if (p2p !== undefined) return p2p;
    if (ways.length === 0) return this.#unknownHome(id);
    if (isOneInstance(ways)) return this.#toHomeElsewhere(id, mainsOf(ways), call, from);
    if (present.length > 0 && isOneInstance(present)) {
      return this.#toHomeElsewhere(id, mainsOf(present), call, from);
    }
    const candidates = ways.map(({ main }) => `${id}@${main}`).toSorted();
    const message = `'${id}' is known at several Mains: ${candidates.join(', ')}`;
    return {
      kind: 'none',
      failure: createFailure('node_ambiguous', message, self, { data: { candidates } }),
    };
  }

  /** Whether a peer that can be asked says that this Home of it is not connected. */
  #isAwayFrom(main: string, id: string, service: string): boolean {
    const instance = this.#options.registry.federated.at(service, formatAddress(homeAddress(id, main)));
    return instance !== undefined && !instance.isHealthy && instance.holder.isReachable;
  }

  /** Several Mains have the same Home: over one where the service can be called now, else one that is connected. */
  #toHomeElsewhere(id: string, mains: readonly string[], call: Call, from: CallOrigin): Route {
    const { registry, links } = this.#options;
    const callable = mains.find((main) => {
      const instance = registry.federated.at(call.service, formatAddress(homeAddress(id, main)));
      return instance !== undefined && isCallable(instance);
    });
    const main = callable ?? mains.find((each) => links.peer(each) !== undefined) ?? mains[0];
    if (main === undefined) return this.#toHome(id, call, from);
    return this.#toPeer(main, homeAddress(id, main), call, from);
  }

  #unknownService(service: string, message: string): Route {
    const { settling, self } = this.#options;
    return settling?.isSettling === true
      ? this.#notYet(
          'no_healthy_instance',
          `service '${service}' is not known yet to ${self}, which has just started`,
        )
      : this.#none('service_not_found', message);
  }

  #unknownHome(id: string): Route {
    const { settling, self } = this.#options;
    return settling?.awaitsHome(id) === true
      ? this.#notYet('home_disconnected', `${id} is not connected yet to ${self}, which has just started`)
      : this.#unknownNode(id);
  }

  /** A node that is not a Home of this Main may be a peer, or a Home of one. */
  #unknownNode(id: string): Route {
    const { settling, self } = this.#options;
    return settling?.awaitsPeers === true
      ? this.#notYet('peer_unreachable', `node '${id}' is not known yet to ${self}, which has just started`)
      : this.#none('node_not_found', `node '${id}' is not known to ${self}`);
  }

  #notYet(name: FailureName, message: string): Route {
    const failure = createFailure(name, message, this.#options.self, { retryAfterMs: RETRY_AFTER_MS });
    return { kind: 'none', failure, mayPass: true };
  }

  #none(name: FailureName, message: string, retryAfterMs?: number): Route {
    const more = retryAfterMs === undefined ? {} : { retryAfterMs };
    return { kind: 'none', failure: createFailure(name, message, this.#options.self, more) };
  }
}

type Way = ReturnType<FederationServiceRegistry['waysToHome']>[number];

function isOneInstance(ways: readonly Way[]): boolean {
  return ways.every(({ instance }) => instance === ways[0]?.instance);
}

function mainsOf(ways: readonly Way[]): readonly string[] {
  return ways.map(({ main }) => main);
}
