// What a node says of itself to Prometheus (http-api.md §11, operations.md Metrics). Values are read when somebody scrapes. Labels are
// fixed words of this file, never ids: the number of series is the same with one Home and with ten thousand.

import { type CallMeter, CODES, WAYS } from './call-meter.ts';
import { by, counter, type Family, gauge, histogram, one, type Sample } from './family.ts';
import type { HistogramFigures } from './histogram.ts';
import {
  type IdempotencyFigures,
  idempotencyFamily,
  type ProgramFigures,
  programFamilies,
} from './program-families.ts';

export const LINK_STATES = ['connecting', 'connected', 'down', 'self', 'refused'] as const;

/** Counts of this very moment. Each must cost the same however many services and Homes there are, a walk over the links apart. */
export interface NodeFigures {
  readonly build: { readonly version: string; readonly nodeType: string };
  readonly isDraining: () => boolean;
  readonly inFlight: () => number;
  readonly meter?: CallMeter;
  /** Where calls are known in sum only. */
  readonly totals?: () => { readonly ok: number; readonly other: number };
  readonly retries?: () => {
    readonly succeeded: number;
    readonly failed: number;
    readonly denied: number;
    /** Of the budget, 0 to 1. */
    readonly ratio: number;
  };
  /** Calls not taken, by reason and by where that was noticed. */
  readonly shed?: () => readonly {
    readonly reason: string;
    readonly stage: string;
    readonly count: number;
  }[];
  readonly registry: () => { readonly self: number; readonly home: number; readonly peer: number };
  /** What is known of the lists of peers: a Main's. */
  readonly federation?: () => {
    /** Since when anything is missing of what a connected peer has said; 0: nothing is. */
    readonly lagS: number;
    /** Entries that a peer may not speak for, and lists that were not what the peer had told. */
    readonly conflicts: number;
  };
  /** Links that came in, until they had a session or were refused: a Main's. */
  readonly handshakes?: {
    readonly ended: () => readonly {
      readonly role: string;
      readonly result: string;
      readonly count: number;
    }[];
    /** Seconds of those that led to a session. */
    readonly duration: () => HistogramFigures;
  };
  /** What was refused because there was too much of it, by which bound. */
  readonly rateLimited?: () => Readonly<Record<string, number>>;
  /** Requests refused because of who asked, by why. */
  readonly denied: () => Readonly<Record<string, number>>;
  /** The own program, where there is one. */
  readonly program?: ProgramFigures;
  /** Calls with a key whose outcomes are kept here, in the own program or for others. */
  readonly idempotency?: () => IdempotencyFigures;
  readonly breakers?: () => { readonly open: number; readonly probing: number; readonly ejected: number };
  readonly ejections?: () => number;
  /** Sessions of Homes and client SDKs: a Main's. */
  readonly sessions?: () => { readonly homes: number; readonly clients: number };
  /** Links to other Mains by state; at a Home those to its own. */
  readonly links?: () => Readonly<Record<(typeof LINK_STATES)[number], number>>;
  readonly reconnects: () => number;
  readonly slowConsumersCut?: () => number;
  /** Bytes that links make this node hold, and how many they may. */
  readonly buffers?: () => { readonly held: number; readonly limit: number };
  /** Bytes of the link that makes it hold most. */
  readonly largestBuffer?: () => number;
  readonly exported?: () => { readonly sent: number; readonly dropped: number; readonly failed: number };
}

/** Every family that a node with these figures has. */
export function metricFamilies(figures: NodeFigures): readonly Family[] {
  const {
    build,
    meter,
    totals,
    retries,
    shed,
    breakers,
    ejections,
    federation,
    handshakes,
    rateLimited,
    program,
    idempotency,
    sessions,
    links,
    slowConsumersCut,
    buffers,
    largestBuffer,
    exported,
  } = figures;
  const found: (Family | undefined)[] = [
    gauge('relay_build_info', 'Always 1; the version and role of this node.', () => [
      { labels: { version: build.version, node_type: build.nodeType }, value: 1 },
    ]),
    gauge('relay_drain_state', 'Whether this node drains: 1 while it takes no new calls.', () =>
      one(figures.isDraining() ? 1 : 0),
    ),
    counter('relay_calls_total', 'Calls that ended here, by who answered them and how.', () => [
      ...(meter === undefined ? [] : callSamples(meter)),
      ...Object.entries(totals?.() ?? {}).map(([code, value]) => ({ labels: { route: 'p2p', code }, value })),
    ]),
    meter && {
      kind: 'histogram',
      name: 'relay_call_duration_seconds',
      help: 'Time from the arrival of a call at this node to its outcome, by who answered.',
      histograms: () => WAYS.map((route) => ({ labels: { route }, histogram: meter.duration(route) })),
    },
    gauge('relay_calls_in_flight', 'Calls that this node waits for.', () => one(figures.inFlight())),
    retries &&
      counter('relay_retries_total', 'Calls tried again at another instance, by what came of it.', () => {
        const { succeeded, failed, denied } = retries();
        return by('result', { ok: succeeded, failed, no_budget: denied });
      }),
    retries &&
      gauge('relay_retry_budget_ratio', 'What is left of the budget for retries, 0 to 1.', () =>
        one(retries().ratio),
      ),
    shed &&
      counter('relay_shed_total', 'Calls refused without running, by reason and by who refused.', () =>
        shed().map(({ reason, stage, count }) => ({ labels: { reason, stage }, value: count })),
      ),
    gauge('relay_registry_entries', 'Instances known here, by where they were learned.', () =>
      by('origin', { ...figures.registry() }),
    ),
    federation &&
      gauge(
        'relay_registry_lag_seconds',
        'For how long something that a connected peer has said is missing here.',
        () => one(federation().lagS),
      ),
    federation &&
      counter(
        'relay_registry_conflicts_total',
        'Entries that a peer may not speak for, and lists that were not what the peer had told.',
        () => one(federation().conflicts),
      ),
    handshakes &&
      counter('relay_handshakes_total', 'Links that came in, by who came and what became of it.', () =>
        handshakes.ended().map(({ role, result, count }) => ({ labels: { role, result }, value: count })),
      ),
    handshakes &&
      histogram(
        'relay_handshake_duration_seconds',
        'Time from a link that came in to its session.',
        handshakes.duration,
      ),
    rateLimited &&
      counter('relay_ratelimited_total', 'What was refused because there was too much of it.', () =>
        by('scope', { ...rateLimited() }),
      ),
    counter('relay_authz_denied_total', 'Requests refused because of who asked.', () =>
      by('reason', { ...figures.denied() }),
    ),
    idempotency && idempotencyFamily(idempotency),
    ...(program === undefined ? [] : programFamilies(program)),
    breakers &&
      gauge(
        'relay_breaker_state',
        'Circuits of methods that are open or being tried, and instances that are ejected.',
        () => by('scope', { ...breakers() }),
      ),
    ejections &&
      counter(
        'relay_ejections_total',
        'Instances taken out of balancing for a while because they failed.',
        () => one(ejections()),
      ),
    sessions && gauge('relay_home_sessions', 'Homes with a session here.', () => one(sessions().homes)),
    sessions &&
      gauge('relay_client_sessions', 'Client SDKs with a session here.', () => one(sessions().clients)),
    links && gauge('relay_peer_links', 'Links to other Mains, by state.', () => by('state', { ...links() })),
    counter('relay_peer_reconnects_total', 'Links to other Mains that broke and were dialled again.', () =>
      one(figures.reconnects()),
    ),
    slowConsumersCut &&
      counter('relay_slow_consumers_cut_total', 'Links closed because the other side did not keep up.', () =>
        one(slowConsumersCut()),
      ),
    buffers &&
      gauge('relay_buffer_bytes', 'Bytes that links make this node hold, and how many they may.', () =>
        by('kind', { ...buffers() }),
      ),
    largestBuffer &&
      gauge('relay_send_buffer_bytes', 'Bytes of the link that makes this node hold most.', () =>
        one(largestBuffer()),
      ),
    exported &&
      counter('relay_exported_spans_total', 'Spans for the trace collector, by what came of them.', () =>
        by('result', { ...exported() }),
      ),
  ];
  return found.filter((family) => family !== undefined);
}

/** `ok` always, so that a rate has somewhere to begin; the others once they have happened. */
function callSamples(meter: CallMeter): readonly Sample[] {
  const samples: Sample[] = [];
  for (const route of WAYS) {
    for (const code of CODES) {
      const value = meter.calls(route, code);
      if (value > 0 || (code === 'ok' && route !== 'none')) samples.push({ labels: { route, code }, value });
    }
  }
  return samples;
}
