// Handshakes of links that came in, by who came and what became of them, and how long those took that led to a session.

import { CLOSE_CODES, type Role } from '@relay/protocol';
import { Histogram } from '../observe/histogram.ts';

const RESULTS: Readonly<Record<number, string>> = {
  [CLOSE_CODES.malformed]: 'malformed',
  [CLOSE_CODES.tooBig]: 'malformed',
  [CLOSE_CODES.authenticationFailed]: 'authentication',
  [CLOSE_CODES.notAdmitted]: 'not_admitted',
  [CLOSE_CODES.handshakeTimeout]: 'timeout',
  [CLOSE_CODES.superseded]: 'superseded',
  [CLOSE_CODES.tooManyAttempts]: 'too_many',
};

/** Upper bounds in seconds. */
const BOUNDS_S: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface EndedHandshakes {
  /** `home`, `main`, `client`, or `unknown` if it did not get so far as to say. */
  readonly role: string;
  readonly result: string;
  readonly count: number;
}

export class HandshakeMeter {
  readonly duration = new Histogram(BOUNDS_S);
  /** By role and result; both are fixed words. */
  readonly #ended = new Map<string, { readonly role: string; readonly result: string; count: number }>();

  constructor() {
    for (const role of ['home', 'main', 'client']) {
      // A rate has to have somewhere to begin, or the first refusals could raise no alert.
      for (const result of ['ok', 'authentication', 'not_admitted']) this.#count(role, result, 0);
    }
    this.#count('unknown', 'malformed', 0);
  }

  accepted(role: Role, ms: number): void {
    this.duration.add(ms / 1_000);
    this.#count(role, 'ok', 1);
  }

  /** `role`: undefined if it did not say. `code`: with which it was refused here; undefined if the other side left. */
  refused(role: Role | undefined, code: number | undefined): void {
    this.#count(role ?? 'unknown', RESULTS[code ?? 0] ?? 'gone', 1);
  }

  ended(): readonly EndedHandshakes[] {
    return [...this.#ended.values()];
  }

  #count(role: string, result: string, more: number): void {
    const key = `${role} ${result}`;
    const ended = this.#ended.get(key) ?? { role, result, count: 0 };
    ended.count += more;
    this.#ended.set(key, ended);
  }
}
