// Four nodes in a row for the tests of this folder: a caller, two Mains that pass everything on, and a Home that answers. Sessions
// without handshakes, over links in virtual time.

import { ManualClock, type PathFaults, SimulatedNetwork, seededRandom } from '@relay/testkit';
import { homeAddress, mainAddress } from '../address.ts';
import type { Call, Cancel, Outcome, Settle } from '../call.ts';
import { SUBPROTOCOL_BINARY } from '../codec.ts';
import { LINK_LIMITS, type LinkLimits } from '../limits.ts';
import type { Link } from '../link.ts';
import { encodeUtf8 } from '../utf8.ts';
import { BufferBudget } from './buffer-budget.ts';
import { codecFor } from './codec-for.ts';
import { Session, type SessionRole } from './session.ts';
import type { SessionOwner } from './session-owner.ts';

export type Answer = (call: Call, settle: Settle) => Cancel | undefined;

export interface ChainOptions {
  readonly seed?: number | string;
  readonly faults?: Partial<PathFaults>;
  /** The Mains pass bodies on part by part; without it they wait for the whole. Default true. */
  readonly takesParts?: boolean;
  readonly limits?: Partial<LinkLimits>;
  /** Of each of the Mains. */
  readonly budgetBytes?: number;
  /** Between the Home and its Main. */
  readonly homeSubprotocol?: string;
}

/** Sessions by who holds them: `main-a.down` is that of Main A to Main B. */
export interface Chain {
  readonly clock: ManualClock;
  readonly network: SimulatedNetwork;
  readonly caller: Session;
  readonly mainA: { readonly up: Session; readonly down: Session; readonly budget: BufferBudget };
  readonly mainB: { readonly up: Session; readonly down: Session; readonly budget: BufferBudget };
  readonly home: Session;
  /** What the Home was asked. */
  readonly served: Call[];
  readonly cancels: string[];
  answer: Answer;
}

const NODES = ['caller', 'main-a', 'main-b', 'home'] as const;

export async function createChain(options: ChainOptions = {}): Promise<Chain> {
  const { seed = 1, faults = {}, takesParts = true, limits = {}, homeSubprotocol } = options;
  const clock = new ManualClock();
  const random = seededRandom(seed);
  const network = new SimulatedNetwork(clock, random, faults);
  const budgets = NODES.map(
    (name) => new BufferBudget(clock, name.startsWith('main') ? options.budgetBytes : undefined),
  );
  const links: [Link, Link][] = [];
  for (const [index, name] of NODES.slice(1).entries()) {
    const subprotocol = name === 'home' ? (homeSubprotocol ?? SUBPROTOCOL_BINARY) : SUBPROTOCOL_BINARY;
    const accepted: Link[] = [];
    network.host(name).listen(`${name}:1`, (link) => accepted.push(link));
    const dialling = network.host(NODES[index]!).dial(`ws://${name}:1`, { subprotocols: [subprotocol] });
    await clock.advance(200);
    links.push([await dialling, accepted[0]!]);
  }
  const chain: { -readonly [K in keyof Chain]?: Chain[K] } & { served: Call[]; cancels: string[] } = {
    clock,
    network,
    served: [],
    cancels: [],
    answer: (call, settle) => {
      settle({ kind: 'result', body: call.params });
      return undefined;
    },
  };
  const open = (node: number, link: Link, to: number, role: SessionRole, owner: SessionOwner): Session => {
    const self = NODES[node]!;
    const all = { ...LINK_LIMITS, ...limits };
    const session = new Session({
      self,
      isMain: self.startsWith('main'),
      link,
      codec: codecFor(link, mainAddress(self), clock, all),
      identity: {
        id: 'x',
        role,
        nodeId: NODES[to]!,
        instance: 'i',
        epoch: 1,
        direction: to > node ? 'outbound' : 'inbound',
        remoteAddress: 'x',
        limits: all,
        heartbeatMs: 20_000,
      },
      owner,
      clock,
      random,
      budget: budgets[node]!,
    });
    session.start();
    return session;
  };
  /** Passes calls on over the session that `next` gives. */
  const passing = (next: () => Session): SessionOwner => ({
    ...QUIET,
    takesParts,
    onCall: (_session, call, settle) => next().call(call, settle),
  });
  const serving: SessionOwner = {
    ...QUIET,
    onCall: (_session, call, settle) => {
      chain.served.push(call);
      const cancel = chain.answer?.(call, settle);
      return (mode) => {
        chain.cancels.push(mode);
        cancel?.(mode);
      };
    },
  };
  const [one, two, three] = links as [[Link, Link], [Link, Link], [Link, Link]];
  chain.home = open(3, three[1], 2, 'main', serving);
  const downB = open(2, three[0], 3, 'home', QUIET);
  const upB = open(
    2,
    two[1],
    1,
    'main',
    passing(() => downB),
  );
  const downA = open(1, two[0], 2, 'main', QUIET);
  const upA = open(
    1,
    one[1],
    0,
    'client',
    passing(() => downA),
  );
  chain.mainA = { up: upA, down: downA, budget: budgets[1]! };
  chain.mainB = { up: upB, down: downB, budget: budgets[2]! };
  chain.caller = open(0, one[0], 1, 'main', QUIET);
  return chain as Chain;
}

/** Calls the Home and keeps what comes back. */
export function ask(chain: Chain, params: Uint8Array, more: Partial<Call> = {}) {
  const outcomes: Outcome[] = [];
  const endedAt: number[] = [];
  const call: Call = {
    destination: homeAddress('home', 'main-b'),
    service: 'shop',
    method: 'echo',
    params,
    deadline: chain.clock.now() + 60_000,
    source: mainAddress('caller'),
    caller: { kind: 'client', node: 'caller' },
    path: [],
    ttl: 10,
    priority: 5,
    trace: false,
    traceparent: '',
    callPath: [],
    ...more,
  };
  const startedAt = chain.clock.now();
  const cancel = chain.caller.call(call, (outcome) => {
    outcomes.push(outcome);
    endedAt.push(chain.clock.now() - startedAt);
  });
  return { outcomes, endedAt, cancel };
}

/** JSON text of about so many bytes. */
export function bytes(length: number, fill = 'x'): Uint8Array {
  return encodeUtf8(`"${fill.repeat(Math.max(0, length - 2))}"`);
}

/** What came of a call, in one word. */
export function nameOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'nothing';
  return outcome.kind === 'result' ? 'result' : `${outcome.failure.name} ${outcome.failure.executed}`;
}

const QUIET: SessionOwner = {
  onOpened: () => {},
  onCall: () => () => {},
  onRegistration: (_session, { seq }) => ({ seq }),
  onDiscovery: () => {},
  onDrain: () => {},
  registryState: () => undefined,
  onRegistryState: () => {},
  load: () => ({ inFlight: 0, capacity: 1 }),
  onClosed: () => {},
};
