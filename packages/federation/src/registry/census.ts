// How many instances there are and how many of them cannot be called: each process of a Home once, whatever the ways to it. Kept
// along with every change of the registry, because walking over 50,000 instances takes tens of milliseconds. What is counted are
// shapes, that is which ways an instance has; of those there are few, so the health of links to peers, of which nobody tells the
// registry, is looked at when somebody asks.

import type { Holder, Instance } from './instance.ts';

export interface InstanceCounts {
  /** Own, of Homes and of P2P peers. */
  readonly local: number;
  /** Only known from peers, or only callable by way of them. */
  readonly federated: number;
  /** Of both, those that cannot be called. */
  readonly uncallable: number;
}

interface Way {
  readonly scope: 'local' | 'federated';
  /** As far as the registry is told. */
  readonly isHealthy: boolean;
  /** Whose link is to be looked at; absent: the registry is told when it is lost. */
  readonly holder?: Holder;
}

interface Shape {
  readonly ways: readonly Way[];
  instances: number;
}

export class Census {
  readonly #shapes = new Map<string, Shape>();
  readonly #holderNumbers = new WeakMap<Holder, number>();
  #holders = 0;

  /** Takes out the instances that these entries, all of one service at one node, lead to: before any of the entries changes. */
  leave(entries: readonly Instance[]): void {
    for (const ways of byProcess(entries)) {
      const key = this.#keyOf(ways);
      const shape = this.#shapes.get(key);
      if (shape === undefined) continue;
      shape.instances -= 1;
      if (shape.instances === 0) this.#shapes.delete(key);
    }
  }

  /** Takes them in again, after the change. */
  enter(entries: readonly Instance[]): void {
    for (const ways of byProcess(entries)) {
      const key = this.#keyOf(ways);
      const shape = this.#shapes.get(key);
      if (shape !== undefined) shape.instances += 1;
      else this.#shapes.set(key, { ways: ways.map(wayOf), instances: 1 });
    }
  }

  /** Costs as much as there are shapes: about one for each peer, and one for each pair of Mains that share Homes. */
  count(): InstanceCounts {
    const found = { local: 0, federated: 0, uncallable: 0 };
    for (const { ways, instances } of this.#shapes.values()) {
      const callable = ways.find(({ isHealthy, holder }) => isHealthy && holder?.isReachable !== false);
      const first = callable ?? ways[0];
      if (first === undefined) continue;
      found[first.scope] += instances;
      if (callable === undefined) found.uncallable += instances;
    }
    return found;
  }

  #keyOf(ways: readonly Instance[]): string {
    let key = '';
    for (const way of ways) {
      const { scope, isHealthy, holder } = wayOf(way);
      key += `${scope} ${isHealthy} ${holder === undefined ? '' : this.#numberOf(holder)},`;
    }
    return key;
  }

  #numberOf(holder: Holder): number {
    let number = this.#holderNumbers.get(holder);
    if (number === undefined) {
      number = this.#holders;
      this.#holders += 1;
      this.#holderNumbers.set(holder, number);
    }
    return number;
  }
}

function wayOf({ origin, isHealthy, holder }: Instance): Way {
  const scope = origin === 'peer' ? 'federated' : 'local';
  return origin === 'peer' || origin === 'p2p'
    ? { scope, isHealthy, holder }
    : { scope, isHealthy: isHealthy && holder.isReachable };
}

/** The entries that lead to the same process, in the order in which they are taken. */
function byProcess(entries: readonly Instance[]): readonly (readonly Instance[])[] {
  if (entries.length < 2) return entries.length === 0 ? [] : [entries];
  const processes = new Map<string, Instance[]>();
  for (const entry of entries) {
    // A P2P node is spoken for by the process of its Main.
    const process = `${entry.origin === 'p2p'} ${entry.description.instance}`;
    const ways = processes.get(process);
    if (ways === undefined) processes.set(process, [entry]);
    else ways.push(entry);
  }
  return [...processes.values()];
}
