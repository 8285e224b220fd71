// Which service is where. Local (own program, connected Homes) and federated (learned from peers) are kept apart, look-up is
// local first. An entry is removed by its owner, by the end of its session and lease, or by its ttl, and by nothing else.

import {
  type Clock,
  type Discovery,
  formatAddress,
  homeAddress,
  LINK_LIMITS,
  type LinkLimits,
  type NodeAddress,
  REGISTRY_LIMITS,
  type RegistrationAnswer,
  type RegistrationMessage,
  type RegistryState,
  type Service,
  type ServiceDescription,
} from '@relay/protocol';
import { returned } from '../balance/instance-stats.ts';
import { Advertisement } from './advertisement.ts';
import { Census, type InstanceCounts } from './census.ts';
import { HomeRecord } from './home-record.ts';
import { createInstance, type Holder, type Instance, isCallable, type Origin } from './instance.ts';
import { RemoteMain } from './remote-main.ts';
import { ServiceIndex } from './service-index.ts';

export interface RegistryOptions {
  readonly self: NodeAddress;
  /** Of this process, as in AUTH. */
  readonly instance: string;
  readonly clock: Clock;
  /** How long federated entries live without a word from their Main. Default 10 minutes. */
  readonly federatedTtlMs?: number;
  /** How long the entries of a Home outlive its session. Default 90 s. */
  readonly leaseMs?: number;
  readonly limits?: LinkLimits;
  /** Calls one Home takes at once, as told to peers. */
  readonly homeCapacity?: number;
  /** Own changes of one turn, to be sent to every peer. */
  readonly onAdvertise?: (deltas: () => readonly Discovery[]) => void;
  /** What this Main or its Homes offer has changed. */
  readonly onLocalChange?: () => void;
}

export class FederationServiceRegistry {
  readonly local = new ServiceIndex();
  readonly federated = new ServiceIndex();
  readonly #options: RegistryOptions;
  readonly #self: Holder;
  readonly #own = new Map<string, Instance>();
  readonly #homes = new Map<string, HomeRecord>();
  readonly #mains = new Map<string, RemoteMain>();
  readonly #p2p = new Map<string, Map<string, Instance>>();
  /** Home id → the peers that have it, with its process and the number of its services there. */
  readonly #homesElsewhere = new Map<string, Map<string, HomeElsewhere>>();
  readonly #advertisement: Advertisement;
  readonly #census = new Census();
  #conflicts = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { clock } = options;
    this.#self = {
      isReachable: true,
      get lastSeen() {
        return clock.wallNow();
      },
      expiresAt: undefined,
    };
    this.#advertisement = new Advertisement({
      clock,
      instance: options.instance,
      onChange: (deltas) => options.onAdvertise?.(deltas),
    });
  }

  /** Instances known, each process of a Home once. Costs nothing that grows with Homes or services. */
  counts(): InstanceCounts {
    return this.#census.count();
  }

  /** Whether this instance, or one that replaced it for the same process, is known. */
  isListed({ origin, description, address, stats }: Instance): boolean {
    return this.#indexOf(origin).at(description.name, address)?.stats === stats;
  }

  // Own program

  /** The services of the own program; those that are not named any more go. */
  setOwn(services: readonly Service[]): void {
    const names = new Set(services.map((service) => service.offer.name));
    for (const [name, instance] of this.#own) {
      if (names.has(name)) continue;
      this.#own.delete(name);
      this.#removeLocal(instance);
    }
    for (const service of services) {
      const description = { ...service.offer, instance: this.#options.instance };
      const fields = {
        description,
        node: this.#options.self,
        capacity: this.#capacity,
        isHealthy: description.healthy !== false,
      } as const;
      const earlier = this.#own.get(service.offer.name);
      const instance = createInstance({ ...fields, origin: 'self', holder: this.#self, service }, earlier);
      this.#own.set(service.offer.name, instance);
      this.#putLocal(instance);
    }
  }

  /** The lists with the instances of a service, as `of` gives them. */
  listsOf(service: string): readonly (readonly Instance[])[] {
    return [this.local.of(service), this.federated.of(service)];
  }

  /** What the nodes of a service say of how it wants to be called; those with a link here go before those at other Mains. */
  wordOn(service: string): ServiceDescription | undefined {
    return (this.local.wordOn(service) ?? this.federated.wordOn(service))?.description;
  }

  own(service: string): Instance | undefined {
    return this.#own.get(service);
  }

  /** Services of the own program. */
  get ownCount(): number {
    return this.#own.size;
  }

  ownServices(): Iterable<Instance> {
    return this.#own.values();
  }

  // Homes of this Main

  /** Whether the entries of this Home stand since the registration `seq` of this instance, so that it need not send them. */
  canResume(id: string, instance: string, seq: number): boolean {
    const record = this.#homes.get(id);
    return record !== undefined && seq > 0 && record.instance === instance && record.seq === seq;
  }

  /** A Home has a session. If it did not resume, a new process starts from nothing. */
  homeConnected(id: string, instance: string, resumed: boolean): void {
    const known = this.#homes.get(id);
    const record = known ?? new HomeRecord(id, instance, this.#options.clock.wallNow());
    this.#homes.set(id, record);
    if (known === undefined) this.#options.onLocalChange?.();
    record.lease?.[Symbol.dispose]();
    record.lease = undefined;
    record.expiresAt = undefined;
    record.lastSeen = this.#options.clock.wallNow();
    record.forgetPending();
    this.#setReachable(record, true);
    if (record.instance !== instance && !resumed) {
      this.#replace(record, [], [...record.services.keys()]);
      record.instance = instance;
      record.seq = 0;
    }
  }

  register(homeId: string, message: RegistrationMessage): RegistrationAnswer {
    const record = this.#homes.get(homeId);
    if (record === undefined) return { seq: message.seq, want: 0 };
    const { limits = LINK_LIMITS, self } = this.#options;
    const { answer, change } = record.register(message, limits, self.id);
    if (change !== undefined) this.#replace(record, change.put, change.removed);
    return answer;
  }

  /** The session of a Home has ended; `isClean` removes its entries at once, otherwise the lease begins. */
  homeLost(id: string, isClean: boolean): void {
    const record = this.#homes.get(id);
    if (record === undefined) return;
    if (isClean || record.services.size === 0) {
      this.#forgetHome(record);
      return;
    }
    const { clock, leaseMs = REGISTRY_LIMITS.leaseMs } = this.#options;
    this.#setReachable(record, false);
    record.expiresAt = clock.wallNow() + leaseMs;
    record.lease?.[Symbol.dispose]();
    record.lease = clock.after(leaseMs, () => this.#forgetHome(record));
  }

  homes(): Iterable<HomeRecord> {
    return this.#homes.values();
  }

  /** The Home, connected or within its lease. */
  home(id: string): HomeRecord | undefined {
    return this.#homes.get(id);
  }

  // Direct P2P peers of this Main

  /**
   * Replaces what a P2P peer offers; nothing is left of one that offers nothing. A node that is here as a Home too is called as
   * one; if it was one and its link is gone, it has changed its role and does not come back within its lease.
   */
  setP2pPeer(id: string, offered: readonly ServiceDescription[], holder: Holder): void {
    const home = this.#homes.get(id);
    if (home?.isReachable === false && holder.isReachable) this.#forgetHome(home);
    const services = home?.isReachable === true ? [] : offered;
    const earlier = this.#p2p.get(id) ?? new Map<string, Instance>();
    const names = new Set(services.map(({ name }) => name));
    for (const [name, instance] of earlier) {
      if (names.has(name)) continue;
      earlier.delete(name);
      this.#removeLocal(instance);
    }
    for (const description of services) {
      const fields = { description, node: homeAddress(id, this.#options.self.id), isHealthy: true } as const;
      const more = { capacity: this.#capacity, origin: 'p2p', holder } as const;
      const instance = createInstance({ ...fields, ...more }, earlier.get(description.name));
      earlier.set(description.name, instance);
      this.#putLocal(instance);
    }
    if (earlier.size === 0) this.#p2p.delete(id);
    else this.#p2p.set(id, earlier);
  }

  // Peer Mains

  /** A peer has a session: its entries can be called again, as long as the link is healthy. */
  peerConnected(id: string, link: { readonly isHealthy: boolean }): void {
    const main = this.#main(id);
    main.restart();
    main.link = link;
    this.#heard(main);
  }

  peerLost(id: string): void {
    const main = this.#mains.get(id);
    if (main !== undefined) main.link = undefined;
  }

  /** Its federated services go at once. */
  forgetPeer(id: string): void {
    const main = this.#mains.get(id);
    if (main === undefined) return;
    main.expiry?.[Symbol.dispose]();
    main.clear();
    this.#mains.delete(id);
  }

  /** Takes what a peer says of its registry; returns what to send back to it. */
  discover(peerId: string, discovery: Discovery): readonly Discovery[] {
    if (discovery.kind === 'want') return this.#advertisement.answer(discovery);
    const main = this.#main(peerId);
    this.#heard(main);
    return main.receive(discovery);
  }

  /** What is stated first on a session with a peer, and in its heartbeats. */
  state(): RegistryState {
    return this.#advertisement.state();
  }

  /** Whether anything is known of a Main with this id. */
  knowsMain(id: string): boolean {
    return this.#mains.has(id);
  }

  /** Everything that this peer advertised has arrived once. */
  isPeerSynced(id: string): boolean {
    return this.#mains.get(id)?.isSynced ?? false;
  }

  /** For how long something that a connected peer has said is missing here, in ms, at the peer that is furthest behind. */
  get lagMs(): number {
    let lagMs = 0;
    for (const main of this.#mains.values()) lagMs = Math.max(lagMs, main.lagMs);
    return lagMs;
  }

  /** Entries that a peer may not speak for, and lists that were not what the peer had told. */
  get conflicts(): number {
    return this.#conflicts;
  }

  peerServices(id: string): number {
    return this.#mains.get(id)?.size ?? 0;
  }

  /** The peers that have this Home, and which process of it each has: with the same one they are ways to one node. */
  waysToHome(id: string): readonly { readonly main: string; readonly instance: string }[] {
    const mains = this.#homesElsewhere.get(id);
    return mains === undefined ? [] : [...mains].map(([main, { instance }]) => ({ main, instance }));
  }

  /**
   * Whether another way leads to the same instance and goes before this one, so that a Home with two uplinks counts once: its link
   * to this Main, else the first peer over which it can be called.
   */
  isSecondWay({ node, description, origin }: Instance): boolean {
    if (origin !== 'peer' || node.mainRelay === undefined) return false;
    const home = this.#homes.get(node.id);
    // Only what it has registered here: while it moves to this Main, the old way is the only one.
    const own = home?.isReachable === true ? home.services.get(description.name) : undefined;
    if (own?.description.instance === description.instance) return true;
    const mains = this.#homesElsewhere.get(node.id);
    if (mains === undefined || mains.size < 2) return false;
    for (const [main, { instance }] of mains) {
      if (main === node.mainRelay) return false;
      if (instance !== description.instance) continue;
      const other = this.federated.at(description.name, formatAddress(homeAddress(node.id, main)));
      if (other !== undefined && isCallable(other)) return true;
    }
    return false;
  }

  /**
   * The ways to the process behind this instance, in the order in which they are taken: its link to this Main, then its peers, those
   * that can be called first. The first stands for all of them in lists and counts.
   */
  waysOf(instance: Instance): readonly Instance[] {
    const { node, description, origin } = instance;
    const mains = origin === 'home' || origin === 'peer' ? this.#homesElsewhere.get(node.id) : undefined;
    if (mains === undefined || node.type !== 'home') return [instance];
    if (origin === 'peer' && mains.size === 1 && !this.#homes.has(node.id)) return [instance];
    const isSame = (way: Instance | undefined): way is Instance =>
      way?.description.instance === description.instance;
    const ways = [this.#homes.get(node.id)?.services.get(description.name)];
    for (const main of mains.keys())
      ways.push(this.federated.at(description.name, formatAddress(homeAddress(node.id, main))));
    return ways.filter(isSame).toSorted((a, b) => Number(isCallable(b)) - Number(isCallable(a)));
  }

  close(): void {
    for (const record of this.#homes.values()) record.lease?.[Symbol.dispose]();
    for (const main of this.#mains.values()) main.stop();
  }

  // How the parts hang together

  get #capacity(): number {
    return this.#options.homeCapacity ?? LINK_LIMITS.inFlight;
  }

  #replace(record: HomeRecord, put: readonly ServiceDescription[], removed: readonly string[]): void {
    for (const name of removed) {
      const instance = record.services.get(name);
      if (instance === undefined) continue;
      record.services.delete(name);
      this.#removeLocal(instance);
    }
    for (const description of put) {
      const node = homeAddress(record.id, this.#options.self.id);
      const fields = {
        description,
        node,
        capacity: this.#capacity,
        isHealthy: description.healthy !== false,
        origin: 'home',
      } as const;
      const earlier = record.services.get(description.name);
      const instance = createInstance({ ...fields, holder: record }, earlier, record.returnedAt);
      record.services.set(description.name, instance);
      this.#putLocal(instance);
    }
  }

  #setReachable(record: HomeRecord, isReachable: boolean): void {
    if (record.isReachable === isReachable) return;
    const entries = [...record.services.values()].map((instance) => this.#entriesLike(instance));
    for (const ways of entries) this.#census.leave(ways);
    record.isReachable = isReachable;
    for (const ways of entries) this.#census.enter(ways);
    if (isReachable) record.returnedAt = this.#options.clock.now();
    this.#options.onLocalChange?.();
    for (const instance of record.services.values()) {
      if (record.returnedAt !== undefined && isReachable) returned(instance.stats, record.returnedAt);
      this.#advertise(instance);
    }
  }

  #forgetHome(record: HomeRecord): void {
    record.lease?.[Symbol.dispose]();
    this.#replace(record, [], [...record.services.keys()]);
    this.#homes.delete(record.id);
  }

  #putLocal(instance: Instance): void {
    this.#change(instance, () => this.local.put(instance));
    if (instance.origin !== 'p2p') this.#options.onLocalChange?.();
    this.#advertise(instance);
  }

  #removeLocal(instance: Instance): void {
    // A node in two roles has one place, which may be that of the other role by now.
    if (this.local.at(instance.description.name, instance.address) !== instance) return;
    this.#change(instance, () => this.local.remove(instance));
    if (instance.origin !== 'p2p') this.#options.onLocalChange?.();
    if (this.#isAdvertised(instance)) this.#advertisement.remove(instance.description.name, instance.node.id);
  }

  /** What changes an entry goes through here, so that instances stay counted. */
  #change(instance: Instance, change: () => void): void {
    this.#census.leave(this.#entriesLike(instance));
    change();
    this.#census.enter(this.#entriesLike(instance));
  }

  #indexOf(origin: Origin): ServiceIndex {
    return origin === 'peer' ? this.federated : this.local;
  }

  /** The entries of this service at this node, whatever the process: the one of its link to this Main, then those of its peers. */
  #entriesLike({ description: { name }, node, address, origin }: Instance): readonly Instance[] {
    const { type, id, mainRelay } = node;
    const found: Instance[] = [];
    const look = (index: ServiceIndex, main: string): void => {
      const at = main === mainRelay ? address : formatAddress(homeAddress(id, main));
      const entry = index.at(name, at);
      if (entry !== undefined) found.push(entry);
    };
    if (type !== 'home' || origin === 'self') {
      const entry = this.#indexOf(origin).at(name, address);
      return entry === undefined ? [] : [entry];
    }
    const { id: self } = this.#options.self;
    if (self === mainRelay || this.#homes.has(id) || this.#p2p.has(id)) look(this.local, self);
    for (const main of this.#homesElsewhere.get(id)?.keys() ?? []) look(this.federated, main);
    return found;
  }

  #isAdvertised(instance: Instance): boolean {
    return this.#options.self.type === 'main' && instance.description.visibility === 'federated';
  }

  #advertise(instance: Instance): void {
    if (!this.#isAdvertised(instance)) return;
    const healthy = instance.isHealthy && instance.holder.isReachable;
    this.#advertisement.put({
      ...instance.description,
      node: instance.node,
      healthy,
      capacity: instance.capacity,
    });
  }

  #main(id: string): RemoteMain {
    let main = this.#mains.get(id);
    if (main === undefined) {
      const entries = {
        added: (instance: Instance) => this.#change(instance, () => this.#addFederated(id, instance)),
        removed: (instance: Instance) => this.#change(instance, () => this.#removeFederated(id, instance)),
        conflicted: () => {
          this.#conflicts += 1;
        },
      };
      main = new RemoteMain(id, entries, this.#options.clock);
      this.#mains.set(id, main);
    }
    return main;
  }

  /** A word from a Main renews all its entries. The timer is moved only when it would fire, so that a word costs nothing. */
  #heard(main: RemoteMain): void {
    const { clock, federatedTtlMs = REGISTRY_LIMITS.federatedTtlMs } = this.#options;
    main.lastSeen = clock.wallNow();
    main.expiresAt = main.lastSeen + federatedTtlMs;
    main.renewedAt = clock.now();
    if (main.expiry !== undefined) return;
    const check = (): void => {
      const remaining = main.renewedAt + federatedTtlMs - clock.now();
      if (remaining > 0) {
        main.expiry = clock.after(remaining, check);
      } else {
        main.expiry = undefined;
        this.forgetPeer(main.id);
      }
    };
    main.expiry = clock.after(federatedTtlMs, check);
  }

  #addFederated(mainId: string, instance: Instance): void {
    const before = this.federated.size;
    this.federated.put(instance);
    const { node, description } = instance;
    if (node.type !== 'home') return;
    const mains = this.#homesElsewhere.get(node.id) ?? new Map<string, HomeElsewhere>();
    const services = (mains.get(mainId)?.services ?? 0) + (this.federated.size - before);
    mains.set(mainId, { instance: description.instance, services });
    this.#homesElsewhere.set(node.id, mains);
  }

  #removeFederated(mainId: string, instance: Instance): void {
    this.federated.remove(instance);
    if (instance.node.type !== 'home') return;
    const mains = this.#homesElsewhere.get(instance.node.id);
    const home = mains?.get(mainId);
    if (home !== undefined && home.services > 1) mains?.set(mainId, { ...home, services: home.services - 1 });
    else mains?.delete(mainId);
    if (mains?.size === 0) this.#homesElsewhere.delete(instance.node.id);
  }
}

interface HomeElsewhere {
  readonly instance: string;
  readonly services: number;
}
