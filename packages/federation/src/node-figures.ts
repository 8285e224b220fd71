// The figures of each role for its metrics, taken from the parts of a running node at the moment of a scrape.

import { type BufferBudget, NodeTypeHome, NodeTypeMain } from '@relay/protocol';
import type { HomeNode } from './home-node.ts';
import type { MainNode } from './main-node.ts';
import type { CallWatch } from './observe/call-watch.ts';
import type { Denials } from './observe/denials.ts';
import type { EventWatch } from './observe/event-watch.ts';
import { LINK_STATES, type NodeFigures } from './observe/metric-families.ts';
import type { OtlpExporter } from './observe/otlp-exporter.ts';
import type { IdempotencyFigures, ProgramFigures } from './observe/program-families.ts';
import type { P2pNode } from './p2p-node.ts';
import type { FederationRouter } from './routing/federation-router.ts';

export interface Watches {
  readonly version: string;
  readonly now: () => number;
  readonly calls: CallWatch;
  readonly events: EventWatch;
  readonly denials: Denials;
  readonly exporter: OtlpExporter | undefined;
  readonly budget: BufferBudget;
  /** The own program, where there is one. */
  readonly program: ProgramFigures | undefined;
}

export function mainFigures(node: MainNode, watches: Watches): NodeFigures {
  const { registry, connections } = node;
  return {
    ...routerFigures(node.router, watches),
    build: { version: watches.version, nodeType: NodeTypeMain },
    isDraining: () => node.isDraining,
    registry: () => {
      const self = registry.ownCount;
      return { self, home: registry.local.size - self, peer: registry.federated.size };
    },
    federation: () => ({ lagS: registry.lagMs / 1_000, conflicts: registry.conflicts }),
    handshakes: {
      ended: () => connections.handshakes.ended(),
      duration: () => connections.handshakes.duration,
    },
    rateLimited: () => ({ ...connections.limited }),
    breakers: () => node.health.circuits(watches.now()),
    ejections: () => node.health.ejections,
    ...(node.p2p === undefined ? {} : { idempotency: () => withBridge(node.p2p, watches.program) }),
    sessions: () => ({ homes: connections.homeCount, clients: connections.clientCount }),
    links: () => {
      const states = noLinks();
      for (const { state } of node.peers()) states[state] += 1;
      return states;
    },
    slowConsumersCut: () => node.slowConsumersCut,
  };
}

export function homeFigures(node: HomeNode, watches: Watches): NodeFigures {
  return {
    ...routerFigures(node.router, watches),
    build: { version: watches.version, nodeType: NodeTypeHome },
    isDraining: () => node.isDraining,
    registry: () => ({ self: node.registry.ownCount, home: 0, peer: 0 }),
    links: () => {
      const states = noLinks();
      for (const { connectedSince } of node.connection.statuses()) {
        states[connectedSince === undefined ? 'connecting' : 'connected'] += 1;
      }
      return states;
    },
  };
}

/** P2P mode routes without the router of the federation, so its calls are known in sum only. */
export function p2pFigures(node: P2pNode, { version, events, denials, program }: Watches): NodeFigures {
  const { stats } = node;
  return {
    build: { version, nodeType: 'p2p' },
    isDraining: () => node.isDraining,
    inFlight: () => stats.inFlight,
    totals: () => ({ ok: stats.total - stats.inFlight - stats.failed, other: stats.failed }),
    registry: () => ({ self: node.ownCount, home: count(node.instances()) - node.ownCount, peer: 0 }),
    reconnects: () => events.reconnects,
    denied: () => denials.counts,
    ...ofProgram(program),
  };
}

function routerFigures(
  router: FederationRouter,
  { calls, events, denials, exporter, budget, program }: Watches,
): Omit<NodeFigures, 'build' | 'isDraining' | 'registry'> {
  return {
    meter: calls.meter,
    inFlight: () => router.stats.inFlight,
    retries: () => ({ ...calls.retries, denied: router.retries.denied, ratio: router.retries.ratio }),
    shed: () => [
      { reason: 'capacity', stage: 'routing', count: calls.shed.capacity },
      { reason: 'congestion', stage: 'link', count: calls.shed.link },
      { reason: 'draining', stage: 'ingress', count: calls.shed.draining },
    ],
    reconnects: () => events.reconnects,
    denied: () => denials.counts,
    buffers: () => ({ held: budget.heldBytes, limit: budget.limitBytes }),
    largestBuffer: () => budget.largestBytes,
    ...ofProgram(program),
    ...(exporter === undefined ? {} : { exported: () => exporter.counts }),
  };
}

/** Outcomes of the own program, and those kept for nodes of the earlier mesh. */
function withBridge(p2p: MainNode['p2p'], program: ProgramFigures | undefined): IdempotencyFigures {
  const own = program?.idempotency();
  const kept = p2p?.idempotency;
  const sum = (name: keyof IdempotencyFigures): number => (own?.[name] ?? 0) + (kept?.[name] ?? 0);
  return {
    first: sum('first'),
    replayed: sum('replayed'),
    in_progress: sum('in_progress'),
    conflict: sum('conflict'),
  };
}

function ofProgram(program: ProgramFigures | undefined): Pick<NodeFigures, 'program' | 'idempotency'> {
  return program === undefined ? {} : { program, idempotency: program.idempotency };
}

type LinkCounts = Record<(typeof LINK_STATES)[number], number>;

function noLinks(): LinkCounts {
  return Object.fromEntries(LINK_STATES.map((state) => [state, 0])) as LinkCounts;
}

function count(items: Iterable<unknown>): number {
  let found = 0;
  for (const _ of items) found += 1;
  return found;
}
