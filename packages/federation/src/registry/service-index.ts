// Instances by service name and address. Look-up, change and removal cost nothing that grows with the number of services or of
// instances of one service.

import type { Instance } from './instance.ts';

interface Group {
  readonly instances: Instance[];
  /** Address → place in `instances`. */
  readonly places: Map<string, number>;
  /** Those that say how they want to be called, in the order in which they came. */
  readonly telling: Set<Instance>;
  /** The first of them. */
  word: Instance | undefined;
}

const NONE: readonly Instance[] = Object.freeze([]);

export class ServiceIndex {
  readonly #groups = new Map<string, Group>();
  #size = 0;
  /** Services with a word: mostly none, and then asking costs nothing. */
  #words = 0;

  /** Number of instances. */
  get size(): number {
    return this.#size;
  }

  /** All instances of a service. The array must not be kept: it changes with the registry. */
  of(service: string): readonly Instance[] {
    return this.#groups.get(service)?.instances ?? NONE;
  }

  /** The instance whose word on strategy and timeout stands for the service: the one that has said something for longest. */
  wordOn(service: string): Instance | undefined {
    return this.#words === 0 ? undefined : this.#groups.get(service)?.word;
  }

  at(service: string, address: string): Instance | undefined {
    const group = this.#groups.get(service);
    const place = group?.places.get(address);
    return place === undefined ? undefined : group?.instances[place];
  }

  has(service: string): boolean {
    return this.#groups.has(service);
  }

  *all(): Iterable<Instance> {
    for (const { instances } of this.#groups.values()) yield* instances;
  }

  services(): Iterable<string> {
    return this.#groups.keys();
  }

  /** Adds an instance; one of the same service at the same address is replaced in its place. */
  put(instance: Instance): void {
    const { name } = instance.description;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { instances: [], places: new Map(), telling: new Set(), word: undefined };
      this.#groups.set(name, group);
    }
    const place = group.places.get(instance.address);
    if (place !== undefined) {
      this.#forgetWord(group, group.instances[place]);
      group.instances[place] = instance;
      this.#hearWord(group, instance);
      return;
    }
    this.#hearWord(group, instance);
    group.places.set(instance.address, group.instances.push(instance) - 1);
    this.#size += 1;
  }

  remove({ description: { name }, address }: Instance): void {
    const group = this.#groups.get(name);
    const place = group?.places.get(address);
    if (group === undefined || place === undefined) return;
    this.#forgetWord(group, group.instances[place]);
    const last = group.instances.pop();
    // The last one moves into the gap, so that no other place changes.
    if (last !== undefined && last.address !== address) {
      group.instances[place] = last;
      group.places.set(last.address, place);
    }
    group.places.delete(address);
    this.#size -= 1;
    if (group.instances.length === 0) this.#groups.delete(name);
  }

  #hearWord(group: Group, instance: Instance): void {
    const { strategy, timeoutMs } = instance.description;
    if (strategy === undefined && timeoutMs === undefined) return;
    group.telling.add(instance);
    if (group.word === undefined) this.#words += 1;
    group.word ??= instance;
  }

  #forgetWord(group: Group, instance: Instance | undefined): void {
    if (instance === undefined || !group.telling.delete(instance) || group.word !== instance) return;
    [group.word] = group.telling;
    if (group.word === undefined) this.#words -= 1;
  }
}
