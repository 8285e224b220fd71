import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BufferBudget } from '@relay/protocol';
import { ManualClock } from '@relay/testkit';
import type { MainNode } from './main-node.ts';
import { mainFigures } from './node-figures.ts';
import { HandshakeMeter } from './nodes/handshake-meter.ts';
import { CallWatch } from './observe/call-watch.ts';
import { Denials } from './observe/denials.ts';
import { EventWatch } from './observe/event-watch.ts';
import { SILENT_LOG } from './observe/log.ts';
import { metricFamilies } from './observe/metric-families.ts';
import { createMetrics } from './observe/metrics.ts';

/** Of 50,000 services; whoever walks over them fails. */
function bigIndex(size: number) {
  const walk = () => {
    throw new Error('walked over every service');
  };
  return { size, all: walk, services: walk };
}

it('a scrape of a Main with 10,000 Homes and 50,000 services walks over no service', async () => {
  const clock = new ManualClock();
  const handshakes = new HandshakeMeter();
  handshakes.accepted('home', 20);
  const node = {
    isDraining: false,
    registry: { ownCount: 1, local: bigIndex(50_001), federated: bigIndex(50_000), lagMs: 250, conflicts: 2 },
    connections: {
      homeCount: 10_000,
      clientCount: 0,
      handshakes,
      limited: { upgrades: 5, handshakes: 0, homes: 0, takeovers: 0 },
    },
    peers: () => [{ state: 'connected' }, { state: 'down' }],
    router: { stats: { inFlight: 2 }, retries: { denied: 1, ratio: 1 } },
    health: { ejections: 3, circuits: () => ({ open: 1, probing: 0, ejected: 0 }) },
    slowConsumersCut: 4,
  } as unknown as MainNode;
  const figures = mainFigures(node, {
    version: '1.0.0',
    now: () => clock.now(),
    calls: new CallWatch({ self: 'relay-a.com', clock, log: SILENT_LOG }),
    events: new EventWatch({ emit: () => {} }, SILENT_LOG),
    denials: new Denials(),
    exporter: undefined,
    budget: new BufferBudget(clock, 1_000),
    program: undefined,
  });
  const { text } = await createMetrics(metricFamilies(figures)).scrape();
  for (const line of [
    'relay_home_sessions 10000',
    'relay_registry_entries{origin="home"} 50000',
    'relay_registry_entries{origin="peer"} 50000',
    'relay_breaker_state{scope="open"} 1',
    'relay_ejections_total 3',
    'relay_peer_links{state="down"} 1',
    'relay_slow_consumers_cut_total 4',
    'relay_buffer_bytes{kind="limit"} 1000',
    'relay_retries_total{result="no_budget"} 1',
    'relay_registry_lag_seconds 0.25',
    'relay_registry_conflicts_total 2',
    'relay_handshakes_total{role="home",result="ok"} 1',
    'relay_handshake_duration_seconds_bucket{le="0.025"} 1',
    'relay_ratelimited_total{scope="upgrades"} 5',
    'relay_send_buffer_bytes 0',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
});
