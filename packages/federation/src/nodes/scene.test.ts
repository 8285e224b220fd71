// A federation in virtual time for the tests of this folder: Mains and Homes with real handshakes, and owners that write down what they hear.

import {
  type Call,
  type Cancel,
  type CloseReason,
  createFailure,
  type Discovery,
  type DrainMessage,
  encodeUtf8,
  homeAddress,
  mainAddress,
  type Outcome,
  type RegistrationAnswer,
  type RegistrationMessage,
  type RegistryState,
  type ServiceOffer,
  type Session,
  type Settle,
} from '@relay/protocol';
import { ManualClock, type PathFaults, SimulatedNetwork, seededRandom } from '@relay/testkit';
import { Admission, type AdmissionMode } from '../identity/admission.ts';
import { type AdmissionRecord, createMemoryAdmissionStore } from '../identity/admission-store.ts';
import type { InviteStore } from '../identity/invites.ts';
import { createIdentity, type Identity } from '../identity/keys.ts';
import { createMemoryMainKeys } from '../identity/main-keys.ts';
import type { ArrivalLimits } from './arrivals.ts';
import { HomeRelayConnectionManager } from './home-relay-connection-manager.ts';
import { MainRelayConnectionManager, type MainSessionOwner } from './main-relay-connection-manager.ts';
import type { NodeEvent } from './node-event.ts';

/** Answers calls of its service `echo` with their params; `silent` never answers, `fail` fails. */
export class Owner implements MainSessionOwner {
  readonly opened: { session: Session; resumed: boolean }[] = [];
  readonly closed: { session: Session; reason: CloseReason }[] = [];
  readonly calls: Call[] = [];
  readonly cancels: string[] = [];
  readonly registrations: RegistrationMessage[] = [];
  readonly discoveries: Discovery[] = [];
  readonly drains: DrainMessage[] = [];
  readonly states: RegistryState[] = [];
  readonly held = new Map<string, { instance: string; seq: number; services: Set<string> }>();
  answer: ((call: Call, settle: Settle) => void) | undefined;
  state: RegistryState | undefined;
  tokens: readonly string[] | undefined;

  onOpened(session: Session, resumed: boolean): void {
    this.opened.push({ session, resumed });
  }

  onCall(_session: Session, call: Call, settle: Settle): Cancel {
    this.calls.push(call);
    if (this.answer !== undefined) this.answer(call, settle);
    else if (call.method === 'echo') settle({ kind: 'result', body: call.params });
    else if (call.method === 'fail')
      settle({ kind: 'failure', failure: createFailure('application_error', 'no', 'x') });
    return (mode) => void this.cancels.push(mode);
  }

  onRegistration(session: Session, message: RegistrationMessage): RegistrationAnswer {
    this.registrations.push(message);
    const held = this.held.get(session.nodeId);
    if (message.base !== 0 && held?.seq !== message.base && held?.seq !== message.seq)
      return { seq: message.seq, want: 0 };
    const services = message.base === 0 && held?.seq !== message.seq ? new Set<string>() : held!.services;
    for (const name of message.removed) services.delete(name);
    for (const { name } of message.services) services.add(name);
    this.held.set(session.nodeId, { instance: session.instance, seq: message.seq, services });
    return { seq: message.seq };
  }

  onDiscovery(_session: Session, discovery: Discovery): void {
    this.discoveries.push(discovery);
  }

  onDrain(_session: Session, message: DrainMessage): void {
    this.drains.push(message);
  }

  registryState(): RegistryState | undefined {
    return this.state;
  }

  onRegistryState(_session: Session, state: RegistryState): void {
    this.states.push(state);
  }

  load() {
    return { inFlight: 0, capacity: 100 };
  }

  onClosed(session: Session, reason: CloseReason): void {
    this.closed.push({ session, reason });
  }

  canResume(nodeId: string, instance: string, seq: number): boolean {
    const held = this.held.get(nodeId);
    return held?.instance === instance && held.seq === seq;
  }

  homeForgotten(nodeId: string): void {
    this.held.delete(nodeId);
  }

  serviceCount(nodeId: string): number {
    return this.held.get(nodeId)?.services.size ?? 0;
  }

  isClientAdmitted(token: string | undefined): boolean {
    return this.tokens === undefined || (token !== undefined && this.tokens.includes(token));
  }
}

export interface MainOptions {
  readonly mode?: AdmissionMode;
  readonly records?: Map<string, AdmissionRecord>;
  readonly identity?: Identity;
  readonly publicNames?: readonly string[];
  readonly advertise?: string;
  readonly arrivals?: ArrivalLimits;
  readonly invites?: InviteStore;
  readonly healthCheckMs?: number;
  /** Host of the network; default the id. */
  readonly host?: string;
}

export interface TestMain {
  readonly manager: MainRelayConnectionManager;
  readonly owner: Owner;
  readonly events: NodeEvent[];
  readonly url: string;
  readonly peerUrl: string;
}

export interface TestHome {
  readonly manager: HomeRelayConnectionManager;
  readonly owner: Owner;
  readonly events: NodeEvent[];
}

export class Scene {
  readonly clock = new ManualClock();
  readonly random;
  readonly network;

  constructor(seed: number | string = 1, faults: Partial<PathFaults> = {}) {
    this.random = seededRandom(seed);
    this.network = new SimulatedNetwork(this.clock, this.random, faults);
  }

  identity(name: string): Identity {
    return createIdentity(seededRandom(`key of ${name}`));
  }

  /** A Main that listens on port 8080 of its host. */
  main(id: string, options: MainOptions = {}): TestMain {
    const host = this.network.host(options.host ?? id);
    const owner = new Owner();
    const events: NodeEvent[] = [];
    const manager = new MainRelayConnectionManager({
      self: id,
      identity: options.identity ?? this.identity(id),
      admission: new Admission({
        self: id,
        clock: host.clock,
        store: createMemoryAdmissionStore(options.records),
        ...(options.mode !== undefined && { mode: options.mode }),
        ...(options.invites !== undefined && { invites: options.invites }),
      }),
      dial: (url) => host.dial(url),
      clock: host.clock,
      random: host.random,
      owner,
      events: { emit: (event) => events.push(event) },
      software: 'relay/test',
      ...(options.publicNames !== undefined && { publicNames: options.publicNames }),
      ...(options.advertise !== undefined && { advertise: options.advertise }),
      ...(options.arrivals !== undefined && { arrivals: options.arrivals }),
      ...(options.healthCheckMs !== undefined && { healthCheckMs: options.healthCheckMs }),
    });
    const address = `${host.name}:8080`;
    host.listen(address, (link, arrival) =>
      manager.accept(link, arrival.path === '/ws/peers' ? 'peers' : 'federation', {
        remoteAddress: arrival.from,
      }),
    );
    return {
      manager,
      owner,
      events,
      url: `ws://${address}/ws/federation`,
      peerUrl: `ws://${address}/ws/peers`,
    };
  }

  home(
    id: string,
    urls: readonly string[],
    options: {
      readonly identity?: Identity;
      readonly host?: string;
      readonly mainKeys?: Map<string, string>;
      readonly uplinks?: number;
      readonly keepAlternativesMs?: number;
    } = {},
  ): TestHome {
    const host = this.network.host(options.host ?? id);
    const owner = new Owner();
    const events: NodeEvent[] = [];
    const mainKeys = createMemoryMainKeys();
    for (const [address, key] of options.mainKeys ?? []) mainKeys.set(address, key);
    const manager = new HomeRelayConnectionManager({
      self: id,
      identity: options.identity ?? this.identity(id),
      urls,
      dial: (url) => host.dial(url),
      clock: host.clock,
      random: host.random,
      owner,
      events: { emit: (event) => events.push(event) },
      mainKeys,
      software: 'relay/test',
      ...(options.uplinks !== undefined && { uplinks: options.uplinks }),
      ...(options.keepAlternativesMs !== undefined && { keepAlternativesMs: options.keepAlternativesMs }),
    });
    return { manager, owner, events };
  }
}

export function offer(name: string): ServiceOffer {
  const methods = [{ name: 'echo', params: [], returns: 'any', effect: 'pure' as const }];
  return { name, methods, visibility: 'federated', weight: 1 };
}

export function call(method: string, more: Partial<Call> & { readonly deadline: number }): Call {
  return {
    destination: homeAddress('alice.home', 'relay-a'),
    service: 'shop',
    method,
    params: encodeUtf8('[1]'),
    source: mainAddress('relay-a'),
    caller: { kind: 'http', node: 'client' },
    path: ['client'],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: '',
    callPath: [],
    ...more,
  };
}

/** Sends a call and keeps what comes back. */
export function send(
  session: Session,
  request: Call,
): { outcomes: Outcome[]; cancel: (mode: 'kill' | 'abandon') => void } {
  const outcomes: Outcome[] = [];
  const cancel = session.call(request, (outcome) => outcomes.push(outcome));
  return { outcomes, cancel };
}

export function failureOf(
  outcome: Outcome | undefined,
): { name: string; executed: string; at: string } | undefined {
  if (outcome?.kind !== 'failure') return undefined;
  const { name, executed, at } = outcome.failure;
  return { name, executed, at };
}
