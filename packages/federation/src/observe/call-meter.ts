// Figures of calls as plain numbers. A call adds to three of them; names, labels and text are made only when somebody reads.

import { FAILURES } from '@relay/protocol';
import { Histogram } from './histogram.ts';

export const WAYS = ['script', 'local', 'peer', 'none'] as const;
export type MeteredWay = (typeof WAYS)[number];

/** Upper bounds in seconds (operations.md, Metrics). */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What a call can end with: `ok`, `cancelled` if nobody waited any more, a failure, `other` for one that newer nodes know. */
export const CODES: readonly string[] = ['ok', 'cancelled', 'other', ...Object.keys(FAILURES)];

const CODE_INDEX: ReadonlyMap<string, number> = new Map(CODES.map((code, index) => [code, index]));
const OTHER = 2;

interface WayFigures {
  readonly codes: Float64Array;
  readonly duration: Histogram;
}

export class CallMeter {
  readonly #ways: Readonly<Record<MeteredWay, WayFigures>> = {
    script: wayFigures(),
    local: wayFigures(),
    peer: wayFigures(),
    none: wayFigures(),
  };

  /** One call has ended with this code after `ms`. */
  count(way: MeteredWay, code: string, ms: number): void {
    const { codes, duration } = this.#ways[way];
    const index = code === 'ok' ? 0 : (CODE_INDEX.get(code) ?? OTHER);
    codes[index] = (codes[index] ?? 0) + 1;
    duration.add(ms / 1_000);
  }

  calls(way: MeteredWay, code: string): number {
    return this.#ways[way].codes[CODE_INDEX.get(code) ?? OTHER] ?? 0;
  }

  duration(way: MeteredWay): Histogram {
    return this.#ways[way].duration;
  }
}

function wayFigures(): WayFigures {
  return {
    codes: new Float64Array(CODES.length),
    duration: new Histogram(DURATION_BOUNDS_S),
  };
}
