// How much one address may ask of a Main (security.md §2, "Rates"): handshakes a second, Homes at once. An address is an IPv4 address
// or the /64 of an IPv6 one, which is what one household or machine gets. Loopback is exempt: whole federations run on one machine,
// and behind a reverse proxy on it everybody comes from there.

import { isIPv4, isIPv6 } from 'node:net';
import type { Clock } from '@relay/protocol';

export interface ArrivalLimits {
  /** Handshakes a second of one address; twice as many at once. Default 5. */
  readonly handshakesPerIp?: number;
  /** Homes connected at once from one address. Default 32. */
  readonly homesPerIp?: number;
}

/** What a Main refuses because there is too much of it, by which bound. */
export interface Limited {
  /** Of all addresses together, before they are links. */
  upgrades: number;
  /** Of one address. */
  handshakes: number;
  homes: number;
  /** By several nodes with the same key. */
  takeovers: number;
}

export function createLimited(): Limited {
  return { upgrades: 0, handshakes: 0, homes: 0, takeovers: 0 };
}

const HANDSHAKES_PER_SECOND = 5;
const HOMES = 32;
/** Seconds of handshakes that may come at once. */
const BURST_SECONDS = 2;
/** Addresses that are looked at for having been quiet, at each arrival: more than come, so that the map never grows beyond the active. */
const SWEEP = 4;

export class Arrivals {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #maxHomes: number;
  /** What is left, and since when. In order of last arrival. */
  readonly #buckets = new Map<string, { left: number; at: number }>();
  readonly #homes = new Map<string, number>();

  constructor(clock: Clock, limits: ArrivalLimits = {}) {
    this.#clock = clock;
    this.#perSecond = limits.handshakesPerIp ?? HANDSHAKES_PER_SECOND;
    this.#maxHomes = limits.homesPerIp ?? HOMES;
  }

  /** Notes a link that came in; false if its address has had too many lately. */
  allow(remoteAddress: string): boolean {
    const key = addressGroup(remoteAddress);
    if (key === undefined) return true;
    const now = this.#clock.now();
    const burst = this.#perSecond * BURST_SECONDS;
    const bucket = this.#buckets.get(key) ?? { left: burst, at: now };
    const left = Math.min(burst, bucket.left + ((now - bucket.at) * this.#perSecond) / 1_000);
    const isAllowed = left >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: isAllowed ? left - 1 : left, at: now });
    this.#forgetQuiet(now);
    return isAllowed;
  }

  /** Whether one more Home may come from here; `isReturning` if one from here goes for it. */
  hasRoomForHome(remoteAddress: string, isReturning: boolean): boolean {
    const key = addressGroup(remoteAddress);
    if (key === undefined) return true;
    return (this.#homes.get(key) ?? 0) - (isReturning ? 1 : 0) < this.#maxHomes;
  }

  homeCame(remoteAddress: string): void {
    const key = addressGroup(remoteAddress);
    if (key !== undefined) this.#homes.set(key, (this.#homes.get(key) ?? 0) + 1);
  }

  homeWent(remoteAddress: string): void {
    const key = addressGroup(remoteAddress);
    if (key === undefined) return;
    const left = (this.#homes.get(key) ?? 1) - 1;
    if (left > 0) this.#homes.set(key, left);
    else this.#homes.delete(key);
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  #forgetQuiet(now: number): void {
    let looked = 0;
    for (const [key, { at }] of this.#buckets) {
      if (looked >= SWEEP || now - at < BURST_SECONDS * 1_000) return;
      this.#buckets.delete(key);
      looked += 1;
    }
  }
}

/** What counts as one address; undefined for loopback. */
export function addressGroup(remoteAddress: string): string | undefined {
  const text = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(text)) return text.startsWith('127.') ? undefined : text;
  if (!isIPv6(text)) return text === '' ? undefined : text;
  const groups = ipv6Groups(text);
  if (groups.slice(0, 7).every((group) => group === 0) && groups[7] === 1) return undefined;
  return groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':');
}

function ipv6Groups(text: string): number[] {
  const [head = '', tail] = (text.split('%')[0] ?? '').split('::');
  const parse = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16) || 0);
  const before = parse(head);
  if (tail === undefined) return before;
  const after = parse(tail);
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
}
