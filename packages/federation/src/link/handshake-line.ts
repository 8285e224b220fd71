// The work that handshakes give a Main, in slices of a turn: thousands of Homes that come at once must not hold up the calls of those
// that are there. Who is nearest to the end goes first, so that under load handshakes end in time instead of all of them too late;
// and the line says when it is too long for more to join it.

import type { Clock } from '@relay/protocol';

export type HandshakeStep = 'hello' | 'auth';

/** The rest of the turn belongs to everybody else. */
const SLICE_MS = 8;
/** Who has waited so long for the first step still ends well within the time that a dialler gives a handshake. */
const LATE_MS = 500;
/** What the pace is measured over: so much at least, and older work counts half for each such time. */
const PACE_MS = 500;

interface Waiting {
  readonly run: () => void;
  readonly since: number;
}

export class HandshakeLine {
  readonly #clock: Clock;
  readonly #hellos: Waiting[] = [];
  readonly #auths: Waiting[] = [];
  #isScheduled = false;
  /** Since when there was always somebody in line, and who came through since. */
  #busySince: number | undefined;
  #ended = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `run` when it is its turn, at the end of this turn of the event loop or later. It does not throw. */
  add(step: HandshakeStep, run: () => void): void {
    const since = this.#clock.now();
    (step === 'auth' ? this.#auths : this.#hellos).push({ run, since });
    this.#busySince ??= since;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(this.#slice);
  }

  /** The line is so long that who joins it now would be served too late. */
  get isLate(): boolean {
    const first = this.#hellos[0] ?? this.#auths[0];
    return first !== undefined && this.#clock.now() - first.since > LATE_MS;
  }

  /** Handshakes a second that this process manages at the moment; Infinity while nobody has to wait. */
  get perSecond(): number {
    if (this.#busySince === undefined) return Number.POSITIVE_INFINITY;
    const elapsedMs = this.#clock.now() - this.#busySince;
    return elapsedMs < PACE_MS ? Number.POSITIVE_INFINITY : (this.#ended * 1_000) / elapsedMs;
  }

  readonly #slice = (): void => {
    const begin = this.#clock.now();
    let now = begin;
    try {
      while (now - begin < SLICE_MS) {
        const auth = this.#auths.shift();
        const next = auth ?? this.#hellos.shift();
        if (next === undefined) break;
        if (auth !== undefined) this.#ended += 1;
        next.run();
        now = this.#clock.now();
      }
    } finally {
      this.#measure(now);
      this.#isScheduled = this.#busySince !== undefined;
      if (this.#isScheduled) this.#clock.after(0, this.#slice);
    }
  };

  #measure(now: number): void {
    if (this.#hellos.length + this.#auths.length === 0) {
      this.#busySince = undefined;
      this.#ended = 0;
    } else if (this.#busySince !== undefined && now - this.#busySince > 2 * PACE_MS) {
      this.#busySince = now - (now - this.#busySince) / 2;
      this.#ended /= 2;
    }
  }
}
