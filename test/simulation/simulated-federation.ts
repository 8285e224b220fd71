// A whole federation in one process and in virtual time: real nodes, real codec, real keys; simulated are time, randomness and the
// network. It watches the invariants of ARCHITECTURE.md: one outcome per call in time, and registries that agree.

import assert from 'node:assert/strict';
import { HomeNode, MainNode, type NodeEvent } from '@relay/federation';
import {
  CALL_LIMITS,
  type Call,
  HEARTBEAT,
  homeAddress,
  KeyedHandler,
  type NodeAddress,
  type Outcome,
  REGISTRY_LIMITS,
  type Service,
  type Settle,
} from '@relay/protocol';
import { ManualClock, type SeededRandom, SimulatedNetwork } from '@relay/testkit';
import { Admission } from '../../packages/federation/src/identity/admission.ts';
import { createMemoryAdmissionStore } from '../../packages/federation/src/identity/admission-store.ts';
import { createIdentity } from '../../packages/federation/src/identity/keys.ts';
import { createMemoryMainKeys } from '../../packages/federation/src/identity/main-keys.ts';
import { DialError } from '../../packages/federation/src/link/dial.ts';
import { digest } from '../../packages/host/src/idempotency/digest.ts';

const PORT = 8080;
/** A call may take so long; short, so that runs with crashes do not wait. */
const TIMEOUT_MS = 5_000;

interface Life<T> {
  readonly node: T;
  readonly start: () => void;
}

interface MainHost {
  readonly kind: 'main';
  readonly peers: readonly string[];
  readonly start: () => Life<MainNode>;
  life: Life<MainNode> | undefined;
}

interface HomeHost {
  readonly kind: 'home';
  readonly start: () => Life<HomeNode>;
  life: Life<HomeNode> | undefined;
}

/** A call that the simulation made, and what became of it. */
export interface TrackedCall {
  readonly from: string;
  readonly to: string;
  readonly outcomes: Outcome[];
  readonly deadline: number;
  /** What it is about; the same for a call that asks again. */
  readonly number: number;
  readonly hasKey: boolean;
  readonly destination: NodeAddress | undefined;
  readonly service: string;
  /** The life of the node that asked; when it ends, nobody waits any more. */
  readonly asker: object;
}

export class SimulatedFederation {
  readonly clock = new ManualClock();
  readonly network: SimulatedNetwork;
  readonly events: { readonly node: string; readonly event: NodeEvent }[] = [];
  readonly calls: TrackedCall[] = [];
  /**
   * Messages come twice or out of order, as no WebSocket lets them: then a method may run twice, unless its call has an idempotency
   * key, and everything else still holds.
   */
  isUnreliable = false;
  /** False: Homes forget the outcomes of calls with a key, as a control. */
  keepsOutcomes = true;
  readonly #random: SeededRandom;
  readonly #lastSeen = new Map<string, number>();
  /** What services keep of calls with a key, by Home and service: as durable as what they did. */
  readonly #kept = new Map<string, KeyedHandler>();
  readonly #askedAgain = new Set<number>();
  readonly #hosts = new Map<string, MainHost | HomeHost>();
  /** How often each call's method ran, by its number. */
  readonly runs = new Map<number, number>();

  constructor(random: SeededRandom) {
    this.#random = random;
    this.network = new SimulatedNetwork(this.clock, random, { delayMs: [1, 30] });
  }

  /** A Main that dials `peers`. */
  addMain(id: string, peers: readonly string[]): void {
    const identity = createIdentity(this.#random.fork(`key of ${id}`));
    const remembered = createMemoryAdmissionStore();
    const start = (): Life<MainNode> => {
      const host = this.network.restart(id);
      const { clock, random } = host;
      const node = new MainNode({
        nodeId: id,
        identity,
        admission: new Admission({ self: id, store: remembered, clock }),
        clock,
        random,
        dial: (url) => host.dial(url).catch(asDialError),
        events: { emit: (event) => this.events.push({ node: id, event }) },
        peers: peers.map((peer) => `ws://${peer}:${PORT}/ws/peers`),
        software: 'relay/simulated',
      });
      host.listen(`${id}:${PORT}`, (link, { from, path }) => {
        const info = { remoteAddress: from, origin: undefined };
        node.connections.accept(link, path === '/ws/peers' ? 'peers' : 'federation', info);
      });
      node.start();
      return { node, start };
    };
    this.#hosts.set(id, { kind: 'main', peers, start, life: start() });
  }

  /** A Home with services that answer `"ID.SERVICE"`; one called `mute` never answers. */
  addHome(id: string, mains: readonly string[], services: readonly string[]): void {
    const identity = createIdentity(this.#random.fork(`key of ${id}`));
    const mainKeys = createMemoryMainKeys();
    const start = (): Life<HomeNode> => {
      const host = this.network.restart(id);
      const { clock, random } = host;
      const node = new HomeNode({
        nodeId: id,
        identity,
        clock,
        random,
        mainKeys,
        dial: (url) => host.dial(url).catch(asDialError),
        events: { emit: (event) => this.events.push({ node: id, event }) },
        urls: mains.map((main) => `ws://${main}:${PORT}/ws/federation`),
        software: 'relay/simulated',
      });
      node.setServices(services.map((name) => this.#service(id, name)));
      node.start();
      return { node, start };
    };
    this.#hosts.set(id, { kind: 'home', start, life: start() });
  }

  main(id: string): MainNode {
    const host = this.#hosts.get(id);
    assert.ok(host?.kind === 'main' && host.life !== undefined, `${id} is a running Main`);
    return host.life.node;
  }

  home(id: string): HomeNode {
    const host = this.#hosts.get(id);
    assert.ok(host?.kind === 'home' && host.life !== undefined, `${id} is a running Home`);
    return host.life.node;
  }

  get ids(): readonly string[] {
    return [...this.#hosts.keys()];
  }

  get running(): readonly string[] {
    return [...this.#hosts].filter(([, host]) => host.life !== undefined).map(([id]) => id);
  }

  isRunning(id: string): boolean {
    return this.#hosts.get(id)?.life !== undefined;
  }

  /** kill -9 */
  crash(id: string): void {
    const host = this.#hosts.get(id);
    if (host !== undefined) host.life = undefined;
    this.network.crash(id);
  }

  restart(id: string): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    this.crash(id);
    // Not `host.life = host.start()`: the union of both kinds is one type here.
    if (host.kind === 'main') host.life = host.start();
    else host.life = host.start();
  }

  /** SIGTERM, and gone when the node says so. */
  async leave(id: string): Promise<void> {
    const host = this.#hosts.get(id);
    const node = host?.life?.node;
    if (host === undefined || node === undefined) return;
    let isDone = false;
    const stopping = node instanceof MainNode ? node.stop(1_000) : node.stop();
    void stopping.then(() => {
      isDone = true;
    });
    await this.clock.runUntil(() => isDone, 60_000, `${id} to leave`);
    this.crash(id);
  }

  /** Makes a call from a node's own program. Its outcome is tracked. */
  call(from: string, service: string, destination?: NodeAddress, hasKey = false): TrackedCall {
    return this.#call({ from, service, destination, hasKey, number: this.calls.length });
  }

  /** Asks again with the same key. */
  callAgain(earlier: TrackedCall): TrackedCall {
    this.#askedAgain.add(earlier.number);
    return this.#call(earlier);
  }

  #call(about: Pick<TrackedCall, 'from' | 'service' | 'destination' | 'hasKey' | 'number'>): TrackedCall {
    const { from, service, destination, hasKey, number } = about;
    const life = this.#hosts.get(from)?.life;
    assert.ok(life !== undefined, `${from} is running`);
    const deadline = this.clock.now() + TIMEOUT_MS;
    const to = `${service}@${destination?.id ?? '*'}`;
    const tracked: TrackedCall = {
      from,
      to,
      outcomes: [],
      deadline,
      number,
      hasKey,
      destination,
      service,
      asker: life,
    };
    this.calls.push(tracked);
    const call: Call = {
      service,
      method: 'who',
      params: new TextEncoder().encode(JSON.stringify([number])),
      deadline,
      source: homeAddress('ignored'),
      caller: { kind: 'program', node: 'ignored' },
      path: [],
      ttl: CALL_LIMITS.ttl,
      priority: CALL_LIMITS.defaultPriority,
      trace: true,
      traceparent: '',
      callPath: [],
      ...(destination === undefined ? {} : { destination }),
      ...(hasKey ? { idempotencyKey: `call ${number}` } : {}),
    };
    life.node.outbound(call, (outcome) => tracked.outcomes.push(outcome));
    return tracked;
  }

  /** Lets a call end and returns its outcome. */
  async outcomeOf(tracked: TrackedCall): Promise<Outcome> {
    await this.clock.runUntil(
      () => tracked.outcomes.length > 0,
      TIMEOUT_MS + 1_000,
      `an outcome of ${tracked.to}`,
    );
    const [outcome] = tracked.outcomes;
    assert.ok(outcome);
    return outcome;
  }

  /** Lets time pass until every registry shows what runs, and nothing else. */
  async converge(limitMs: number): Promise<void> {
    await this.clock
      .runUntil(() => this.disagreement() === undefined, limitMs, 'the registries to agree')
      .catch((error) => {
        throw new Error(`${(error as Error).message}: ${this.disagreement()}`);
      });
  }

  /** The first difference between what runs and what a registry shows. */
  disagreement(): string | undefined {
    const mains = [...this.#hosts].filter(([, host]) => host.kind === 'main' && host.life !== undefined);
    const homes = [...this.#hosts].filter(([, host]) => host.kind === 'home' && host.life !== undefined);
    const expected = new Map<string, string[]>(mains.map(([id]) => [id, []]));
    for (const [id, host] of homes) {
      const node = host.life?.node as HomeNode;
      const main = node.connection.session?.nodeId;
      if (main === undefined || !expected.has(main)) return `${id} has no Main`;
      for (const { description } of node.registry.ownServices())
        expected.get(main)?.push(`${description.name} ${id}@${main}`);
    }
    for (const [id] of mains) {
      const { registry } = this.main(id);
      const local = shown(registry.local.all());
      const own = (expected.get(id) ?? []).toSorted();
      if (local.join() !== own.join()) return `${id} shows local [${local}] instead of [${own}]`;
      const others = [...expected].filter(([main]) => main !== id).flatMap(([, entries]) => entries);
      const federated = shown(registry.federated.all());
      if (federated.join() !== others.toSorted().join()) {
        return `${id} shows federated [${federated}] instead of [${others.toSorted()}]`;
      }
    }
    return undefined;
  }

  /** Every call whose time is up and whose asker lives has exactly one outcome; none has two; no result came without a run. */
  checkCalls(): void {
    const lives = new Set([...this.#hosts.values()].map((host) => host.life));
    for (const call of this.calls) {
      const { from, to, number, outcomes, deadline, asker } = call;
      const what = `call ${number} from ${from} to ${to}`;
      assert.ok(outcomes.length <= 1, `${what} has ${outcomes.length} outcomes`);
      const isOver = this.clock.now() >= deadline + 1_000;
      if (isOver && lives.has(asker as Life<HomeNode>))
        assert.equal(outcomes.length, 1, `${what} has no outcome`);
      this.#checkOutcome(call, what, outcomes[0]);
    }
  }

  /** T1: no Main shows a Home as its own longer than it takes to miss it, plus its lease, plus 3 s. Call it after every step. */
  checkGhosts(): void {
    const now = this.clock.now();
    for (const [id, host] of this.#hosts) if (host.life !== undefined) this.#lastSeen.set(id, now);
    const limit = HEARTBEAT.silentIntervals * HEARTBEAT.homeMs + REGISTRY_LIMITS.leaseMs + 3_000;
    for (const [main, host] of this.#hosts) {
      if (host.kind !== 'main' || host.life === undefined) continue;
      for (const { node, address } of this.main(main).registry.local.all()) {
        const goneMs = now - (this.#lastSeen.get(node.id) ?? now);
        assert.ok(goneMs <= limit, `${main} shows ${address}, which has been gone for ${goneMs} ms`);
      }
    }
  }

  /** The wall clock of one machine jumps. */
  jumpClock(id: string, byMs: number): void {
    if (this.isRunning(id)) this.network.host(id).clock.jumpWall(byMs);
  }

  #checkOutcome(call: TrackedCall, what: string, outcome: Outcome | undefined): void {
    const runs = this.runs.get(call.number) ?? 0;
    assert.ok(this.isUnreliable || runs <= 1, `${what} ran ${runs} times`);
    if (outcome === undefined) return;
    const path = outcome.trace?.path ?? [];
    assert.ok(path.length <= 4, `${what} took more than three hops: ${path.join(' -> ')}`);
    const mains = path.filter((id) => this.#hosts.get(id)?.kind === 'main');
    assert.ok(mains.length <= 2, `${what} went over two links between Mains: ${path.join(' -> ')}`);
    if (this.isUnreliable) return;
    if (outcome.kind === 'result') assert.equal(runs, 1, `${what} has a result but did not run`);
    // What did not run then may have run since.
    else if (this.#askedAgain.has(call.number)) return;
    else if (outcome.failure.executed === 'no')
      assert.equal(runs, 0, `${what} ran, though ${outcome.failure.name} says no`);
    else if (outcome.failure.executed === 'yes')
      assert.equal(runs, 1, `${what} did not run, though ${outcome.failure.name} says yes`);
  }

  #service(id: string, name: string): Service {
    const method = { name: 'who', params: [], returns: 'string', effect: 'writes' } as const;
    return {
      offer: { name, methods: [method], visibility: 'federated', weight: 1 },
      handle: (call, settle) =>
        call.idempotencyKey !== undefined && this.keepsOutcomes
          ? this.#keptBy(id, name).handle(call, settle)
          : this.#run(id, name, call, settle),
    };
  }

  #run(id: string, name: string, call: Call, settle: Settle): () => void {
    const [number] = JSON.parse(new TextDecoder().decode(call.params)) as [number];
    this.runs.set(number, (this.runs.get(number) ?? 0) + 1);
    if (name !== 'mute')
      settle({ kind: 'result', body: new TextEncoder().encode(JSON.stringify(`${id}.${name}`)) });
    return () => {};
  }

  #keptBy(id: string, name: string): KeyedHandler {
    const place = `${name}@${id}`;
    let kept = this.#kept.get(place);
    if (kept === undefined) {
      kept = new KeyedHandler((call, settle) => this.#run(id, name, call, settle), {
        wallNow: () => this.clock.wallNow(),
        nodeId: () => id,
        digest,
      });
      this.#kept.set(place, kept);
    }
    return kept;
  }
}

function shown(
  instances: Iterable<{ description: { name: string }; address: string; isHealthy: boolean }>,
): string[] {
  return [...instances]
    .map(
      ({ description, address, isHealthy }) =>
        `${description.name} ${address}${isHealthy ? '' : ' (unhealthy)'}`,
    )
    .toSorted();
}

function asDialError(error: unknown): never {
  throw new DialError(error instanceof Error ? error.message : String(error));
}
