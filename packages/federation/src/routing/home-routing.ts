// Where a Home sends a call: to its own program, else to its Main. What comes from the Main is for the own program or for nobody.
// Source: http-api.md §4.2, §5.2.

import { type Call, createFailure, type FailureName } from '@relay/protocol';
import type { FederationServiceRegistry } from '../registry/federation-service-registry.ts';
import type { CallOrigin, HomeLinks, Route } from './route.ts';

export interface HomeRoutingOptions {
  readonly self: string;
  readonly registry: FederationServiceRegistry;
  readonly links: HomeLinks;
}

export class HomeRouting {
  readonly #options: HomeRoutingOptions;

  constructor(options: HomeRoutingOptions) {
    this.#options = options;
  }

  decide(call: Call, from: CallOrigin): Route {
    const { self, registry, links } = this.#options;
    const { destination } = call;
    const namedMain = destination?.type === 'main' ? destination.id : destination?.mainRelay;
    const named =
      namedMain === undefined ? undefined : links.mains().find(({ nodeId }) => nodeId === namedMain);
    const isForSelf =
      destination?.id === self && (destination.mainRelay === undefined || named !== undefined);
    if (isForSelf || from.kind === 'peer') {
      if (destination !== undefined && destination.id !== self) {
        return this.#none('node_not_found', `node '${destination.id}' is not here; this is ${self}`);
      }
      return this.#own(call) ?? this.#none('service_not_found', `${self} has no service '${call.service}'`);
    }
    if (destination === undefined) {
      const own = registry.own(call.service);
      if (own?.service !== undefined) return { kind: 'service', handle: own.service.handle, instance: own };
    }
    // A Main that is named and that this Home has a link to is reached without another Main between.
    const main = named ?? links.main();
    if (main !== undefined) return { kind: 'via', outlet: main, destination, instance: undefined };
    return this.#none('peer_unreachable', `${self} is not connected to a Main Relay`);
  }

  #own(call: Call): Route | undefined {
    const instance = this.#options.registry.own(call.service);
    if (instance?.service === undefined) return undefined;
    return { kind: 'service', handle: instance.service.handle, instance };
  }

  #none(name: FailureName, message: string): Route {
    return { kind: 'none', failure: createFailure(name, message, this.#options.self) };
  }
}
