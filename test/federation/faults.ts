// The faults of the chaos script, one at a time for each part. A fault is over when every pair of a Main and a Home that it touched
// answers again; until then its window is open.

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy, SeededRandom } from '@relay/testkit';
import type { Caller } from './calls.ts';
import type { Federation, Node } from './federation.ts';
import type { FaultWindow } from './invariants.ts';
import { whyUnreached } from './probe.ts';

const SHORTEST_MS = 1_000;
const LONGEST_MS = 5_000;
const RESET_EVERY_MS = 200;
const PROBE_EVERY_MS = 100;
/** A recovery that takes longer says what it waits for. */
const SLOW_MS = 10_000;
/** A federation that has not recovered by then does not count as recovering by itself. */
export const RECOVERY_LIMIT_MS = 120_000;

export interface FaultRecord extends FaultWindow {
  readonly kind: string;
  /** When its cause was gone. */
  readonly healedAt: number;
  readonly hasRecovered: boolean;
}

interface NodeFault {
  readonly kind: string;
  readonly run: (node: Node, forMs: number) => Promise<void>;
}

interface LinkFault {
  readonly kind: string;
  readonly run: (link: FaultProxy, forMs: number) => Promise<void>;
}

const NODE_FAULTS: readonly NodeFault[] = [
  {
    kind: 'killed',
    run: async (node, forMs) => {
      await node.kill();
      await sleep(forMs);
    },
  },
  {
    kind: 'stopped',
    run: async (node, forMs) => {
      await node.stop();
      await sleep(forMs);
    },
  },
  {
    kind: 'frozen',
    run: async (node, forMs) => {
      node.pause();
      await sleep(forMs);
      node.resume();
    },
  },
];

const LINK_FAULTS: readonly LinkFault[] = [
  { kind: 'partition', run: (link, forMs) => spoil(link, { isStalled: true }, forMs) },
  {
    kind: 'slow link',
    run: (link, forMs) => spoil(link, { latencyMs: 150, jitterMs: 100, bytesPerSecond: 100_000 }, forMs),
  },
  {
    kind: 'resets',
    run: async (link, forMs) => {
      for (const end = performance.now() + forMs; performance.now() < end; await sleep(RESET_EVERY_MS)) {
        link.reset();
      }
    },
  },
  {
    // A router that forgets its table: one side knows, the other learns it when the router is back.
    kind: 'half-open',
    run: async (link, forMs) => {
      link.halfOpen();
      await sleep(forMs);
      link.reset();
    },
  },
];

async function spoil(
  link: FaultProxy,
  faults: Parameters<FaultProxy['set']>[0],
  forMs: number,
): Promise<void> {
  link.set(faults);
  await sleep(forMs);
  link.heal();
}

export class Faults {
  readonly #federation: Federation;
  readonly #random: SeededRandom;
  readonly #caller: Caller;
  /** Parts whose fault has begun and whose cause is not gone yet. */
  readonly #failing = new Set<string>();
  readonly #open = new Set<Promise<void>>();
  readonly #records: FaultRecord[] = [];
  readonly #onChange: (line: string) => void;

  constructor(
    federation: Federation,
    random: SeededRandom,
    caller: Caller,
    onChange: (line: string) => void,
  ) {
    this.#federation = federation;
    this.#random = random;
    this.#caller = caller;
    this.#onChange = onChange;
  }

  get records(): readonly FaultRecord[] {
    return this.#records;
  }

  /** Faults whose window is open. */
  get open(): number {
    return this.#open.size;
  }

  isFailing(node: Node): boolean {
    return this.#failing.has(node.id);
  }

  /** Begins a fault somewhere, with equal chances for Homes, Mains and links. */
  begin(): void {
    const { mains, homes, links } = this.#federation;
    const kind = this.#random.pick(['home', 'main', 'link'] as const);
    const forMs = this.#random.between(SHORTEST_MS, LONGEST_MS);
    if (kind === 'link') {
      const fault = this.#random.pick(LINK_FAULTS);
      const names = [...links].filter(([, link]) => link.connections > 0).map(([name]) => name);
      const name = this.#random.pick(names.length === 0 ? [...links.keys()] : names);
      const link = links.get(name);
      if (link !== undefined) this.#start(name, fault.kind, () => fault.run(link, forMs));
      return;
    }
    const fault = this.#random.pick(NODE_FAULTS);
    const node = this.#random.pick(kind === 'home' ? homes : mains);
    const what = kind === 'home' ? 'Home' : 'Main';
    this.#start(node.id, `${what} ${fault.kind}`, async () => {
      await fault.run(node, forMs);
      if (fault.kind !== 'frozen') await node.start();
    });
  }

  /** Resolves when all faults that have begun are over. */
  async over(): Promise<void> {
    await Promise.all(this.#open);
  }

  #start(part: string, kind: string, run: () => Promise<void>): void {
    // What fails already does not fail again.
    if (this.#failing.has(part)) return;
    this.#failing.add(part);
    const done = this.#run(part, kind, run).finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  async #run(part: string, kind: string, run: () => Promise<void>): Promise<void> {
    const from = performance.now();
    this.#onChange(`${kind}: ${part}`);
    await run();
    const healedAt = performance.now();
    this.#failing.delete(part);
    const missing = await this.#recovered(part, healedAt + RECOVERY_LIMIT_MS);
    const until = performance.now();
    this.#records.push({ kind, part, from, healedAt, until, hasRecovered: missing.length === 0 });
    const took = `${((until - healedAt) / 1_000).toFixed(1)} s`;
    if (missing.length === 0) this.#onChange(`${kind}: ${part} recovered in ${took}`);
    else this.#onChange(`${kind}: ${part} has NOT recovered in ${took}: ${missing.join(', ')}`);
  }

  /** Waits until the pairs that `part` concerns answer; those that do not, if time is up. A node that fails meanwhile has a window of its own. */
  async #recovered(part: string, limit: number): Promise<readonly string[]> {
    const { mains, homes } = this.#federation;
    const ends = part.split('>');
    const isTouched = ({ id }: Node): boolean => ends.includes(id);
    let sayAt = performance.now() + SLOW_MS;
    let pairs = mains.flatMap((main) =>
      homes.filter((home) => isTouched(main) || isTouched(home)).map((home) => ({ main, home })),
    );
    for (;;) {
      const reasons = await Promise.all(
        pairs.map(async ({ main, home }) =>
          this.isFailing(main) || this.isFailing(home) ? undefined : whyUnreached(this.#caller, main, home),
        ),
      );
      pairs = pairs.filter((_, index) => reasons[index] !== undefined);
      if (pairs.length === 0) return [];
      const because = reasons.filter((reason) => reason !== undefined);
      const missing = pairs.map(({ main, home }, index) => `${main.id} to ${home.id}: ${because[index]}`);
      const now = performance.now();
      if (now > limit) return missing;
      if (now > sayAt) {
        sayAt += SLOW_MS;
        this.#onChange(`  not recovered from ${part} yet: ${missing.join(', ')}`);
      }
      await sleep(PROBE_EVERY_MS);
    }
  }
}
