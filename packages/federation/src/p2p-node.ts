// A node in P2P mode without its sockets: the mesh and the own program, as on existing nodes. Nothing of the federation runs here, so
// that a deployment can go back to it. Source: legacy-p2p.md §7, §10.

import {
  CALL_LIMITS,
  type Call,
  type CallHandler,
  type Cancel,
  type Clock,
  createFailure,
  type Failure,
  homeAddress,
  isName,
  type Outcome,
  parseAddress,
  type Random,
  type Service,
  type Settle,
} from '@relay/protocol';
import type { CallRequest, HttpCaller, InstanceView, SubmittedCall } from './gateway/ports.ts';
import { callOfArrived, callOverP2p, endOfOutcome } from './legacy/p2p-calls.ts';
import type { P2pDial, P2pPeerEvents } from './legacy/p2p-dialler.ts';
import { P2pPeers } from './legacy/p2p-peers.ts';
import type { Log } from './observe/log.ts';
import { CallStats } from './routing/call-stats.ts';
import { TraceContexts, traceIdOf } from './routing/trace-context.ts';

export interface P2pNodeOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dial: P2pDial;
  /** Peers of the command line. */
  readonly addPeers: readonly string[];
  readonly events?: P2pPeerEvents;
  /** Of a call that names no timeout. */
  readonly defaultTimeoutMs: number;
}

interface Figures {
  inFlight: number;
  calls: number;
  failures: number;
}

/** JSON-RPC number of every failed `remote_call` on existing nodes. */
const REMOTE_CALL_FAILED = -32603;

export class P2pNode {
  readonly peers: P2pPeers;
  readonly stats: CallStats;
  readonly #options: P2pNodeOptions;
  readonly #traces: TraceContexts;
  readonly #services = new Map<string, { readonly service: Service; readonly figures: Figures }>();
  #turn = 0;
  #isDraining = false;

  constructor(options: P2pNodeOptions) {
    this.#options = options;
    const { nodeId: self, clock, random, log, dial, events } = options;
    this.stats = new CallStats(clock);
    this.#traces = new TraceContexts(random);
    this.peers = new P2pPeers({
      self,
      clock,
      random,
      log,
      dial,
      ...(events === undefined ? {} : { events }),
      handle: (arrived, end) => {
        const call = callOfArrived(arrived, clock, this.#traces.create());
        return this.#own(call, (outcome) => end(endOfOutcome(outcome, arrived.server)));
      },
      services: () =>
        [...this.#services.values()].map(({ service: { offer } }) => ({
          name: offer.name,
          methods: offer.methods.map(({ name }) => name),
        })),
    });
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Begins to dial the peers. */
  start(): void {
    for (const peer of this.#options.addPeers) this.peers.addNamed(peer);
  }

  setServices(services: readonly Service[]): void {
    const earlier = new Map(this.#services);
    this.#services.clear();
    for (const service of services) {
      const figures = earlier.get(service.offer.name)?.figures ?? { inFlight: 0, calls: 0, failures: 0 };
      this.#services.set(service.offer.name, { service, figures });
    }
    this.peers.network.servicesChanged();
  }

  /** What the own program calls to reach other nodes. */
  get outbound(): CallHandler {
    const { nodeId: self } = this.#options;
    return (call, settle) => this.#route({ ...call, source: homeAddress(self), path: [] }, settle);
  }

  /** A call by HTTP. A direct one is for the own program; a failed `remote_call` has the number it always had. */
  submit(request: CallRequest, _caller: HttpCaller, settle: Settle): SubmittedCall {
    const { nodeId: self, clock, defaultTimeoutMs } = this.#options;
    const { node, service, method, params, direct, trace = false, timeoutMs = defaultTimeoutMs } = request;
    const traceparent = this.#traces.create();
    const destination = node === undefined || node === 'local' ? undefined : parseAddress(node);
    const call: Call = {
      service,
      method,
      params,
      trace,
      traceparent,
      deadline: clock.now() + timeoutMs,
      source: homeAddress(self),
      caller: { kind: 'http', node: self },
      path: ['client'],
      ttl: CALL_LIMITS.ttl,
      priority: CALL_LIMITS.defaultPriority,
      callPath: [],
      ...(destination === undefined ? {} : { destination }),
      ...(request.idempotencyKey === undefined ? {} : { idempotencyKey: request.idempotencyKey }),
    };
    const traceId = traceIdOf(traceparent);
    if (direct || node === 'local' || node === self) {
      return { traceId, cancel: this.#own(call, direct ? settle : renumbered(settle)) };
    }
    return { traceId, cancel: this.#route(call, renumbered(settle)) };
  }

  /** Own services first, then those that neighbours offer. */
  *instances(filter: { readonly service?: string; readonly origin?: 'self' } = {}): Iterable<InstanceView> {
    const { nodeId, clock } = this.#options;
    const isAsked = (name: string): boolean => filter.service === undefined || filter.service === name;
    const common = { averageLatencyMs: 0, circuit: 'closed', strategy: 'round_robin' } as const;
    for (const { service, figures } of this.#services.values()) {
      const { name, methods } = service.offer;
      if (!isAsked(name)) continue;
      yield {
        ...common,
        ...figures,
        service: name,
        nodeId,
        origin: 'self',
        methods,
        isHealthy: true,
        lastSeen: clock.wallNow(),
      };
    }
    if (filter.origin === 'self') return;
    for (const neighbour of this.peers.network.neighbours()) {
      for (const { name, methods } of neighbour.services) {
        if (!isAsked(name)) continue;
        yield {
          ...common,
          service: name,
          nodeId: neighbour.id,
          origin: 'p2p',
          methods: methods.map((method) => ({ name: method, params: [], returns: 'any', effect: 'writes' })),
          isHealthy: neighbour.isHealthy,
          lastSeen: neighbour.lastSeen,
          inFlight: 0,
          calls: 0,
          failures: 0,
        };
      }
    }
  }

  get ownCount(): number {
    return this.#services.size;
  }

  /** Takes no new calls and waits for those that run, within `drainMs`. */
  async stop(drainMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#isDraining = true;
    const until = clock.now() + drainMs;
    while (this.stats.inFlight > 0 && clock.now() < until) {
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.after(20, resolve);
      await promise;
    }
    this.peers.close();
  }

  /** To the named node, or to any that offers the service: this one first. */
  #route(call: Call, settle: Settle): Cancel {
    const { nodeId: self } = this.#options;
    const target = call.destination?.id;
    if (target === self || (target === undefined && this.#services.has(call.service))) {
      return this.#own(call, settle);
    }
    if (target !== undefined) return this.#remote(call, target, settle);
    const offering = [...this.peers.network.neighbours()].filter(
      ({ isHealthy, services }) => isHealthy && services.some(({ name }) => name === call.service),
    );
    this.#turn += 1;
    const chosen = offering[this.#turn % Math.max(1, offering.length)];
    if (chosen === undefined) return this.#own(call, settle);
    return this.#remote(call, chosen.id, settle);
  }

  #remote(call: Call, target: string, settle: Settle): Cancel {
    const { nodeId: self, clock } = this.#options;
    const refusal = this.#refusal(call);
    if (refusal !== undefined) return refuse(refusal, settle);
    const counted = this.#counted(settle);
    const cancel = callOverP2p(this.peers.network, { call, target, self, clock }, counted.settle);
    return (mode) => {
      counted.leave();
      cancel(mode);
    };
  }

  #own(call: Call, settle: Settle): Cancel {
    const { nodeId: self, clock } = this.#options;
    const found = this.#services.get(call.service);
    const refusal = this.#refusal(call);
    if (refusal !== undefined) return refuse(refusal, settle);
    if (found === undefined) {
      return refuse(createFailure('service_not_found', `server ${call.service} not found`, self), settle);
    }
    const { figures, service } = found;
    figures.inFlight += 1;
    figures.calls += 1;
    const counted = this.#counted((outcome) => {
      figures.inFlight -= 1;
      if (outcome.kind === 'failure') figures.failures += 1;
      const path = [...call.path, self];
      settle(call.trace ? { ...outcome, trace: { path, spans: [] } } : outcome);
    });
    const deadline = clock.after(call.deadline - clock.now(), () => {
      const failure = createFailure('timeout', `no answer from ${call.service}.${call.method} in time`, self);
      counted.settle({ kind: 'failure', failure });
      cancel('abandon');
    });
    const cancel = service.handle(call, (outcome) => {
      deadline[Symbol.dispose]();
      counted.settle(outcome);
    });
    return (mode) => {
      deadline[Symbol.dispose]();
      if (counted.leave()) figures.inFlight -= 1;
      cancel(mode);
    };
  }

  #refusal(call: Call): Failure | undefined {
    const { nodeId: self } = this.#options;
    if (this.#isDraining && call.caller.kind === 'http') {
      return createFailure('shutting_down', `${self} is shutting down`, self);
    }
    if (isName(call.method)) return undefined;
    return createFailure('method_not_found', `Server '${call.service}' has no method '${call.method}'`, self);
  }

  /** Counts one call, which ends once: by its outcome or by being left. */
  #counted(settle: Settle): { readonly settle: Settle; readonly leave: () => boolean } {
    const { clock } = this.#options;
    const startedAt = clock.now();
    let isOver = false;
    this.stats.began();
    const end = (ok: boolean): boolean => {
      if (isOver) return false;
      isOver = true;
      this.stats.ended(clock.now() - startedAt, ok, clock.now());
      return true;
    };
    return {
      settle: (outcome) => {
        if (end(outcome.kind === 'result')) settle(outcome);
      },
      leave: () => end(true),
    };
  }
}

function refuse(failure: Failure, settle: Settle): Cancel {
  settle({ kind: 'failure', failure });
  return () => {};
}

function renumbered(settle: Settle): Settle {
  return (outcome: Outcome) => {
    if (outcome.kind === 'result') settle(outcome);
    else settle({ ...outcome, failure: { ...outcome.failure, code: REMOTE_CALL_FAILED } });
  };
}
