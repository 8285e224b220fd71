// Who looks on while calls are routed: figures, traces, the log. It changes nothing, must not throw, and is on the way of every
// call: it looks at what is there and keeps nothing of a call unless it has a reason.

import type { Call, Failure, Outcome } from '@relay/protocol';
import type { CallOrigin, Route } from './route.ts';

/** Who answers: the own program, a Home or P2P node with a link here, another Main, or nobody because no way was found. */
export type Way = 'script' | 'local' | 'peer' | 'none';

/** A call that ends. Valid during the notice only. */
export interface EndedCall {
  readonly call: Call;
  readonly from: CallOrigin;
  /** Of the last attempt. */
  readonly way: Way;
  /** The other Main that it came from or went to, as far as this node knows. */
  readonly peer: string | undefined;
  /** On the monotonic clock. */
  readonly startedAt: number;
  /** Further attempts at other instances. */
  readonly retries: number;
}

export interface CallObserver {
  /** Only for calls with `trace`: where this attempt goes. */
  decided(call: Call, from: CallOrigin, route: Route): void;
  /** Once per call. `outcome` is undefined if the caller gave up; with `trace` it has the whole way. */
  ended(ended: EndedCall, outcome: Outcome | undefined, now: number): void;
  /** Not taken at all: the node drains, the deadline has passed, a rule forbids it. */
  refused(call: Call, failure: Failure): void;
}

export function wayOf(route: Route, self: string): Way {
  switch (route.kind) {
    case 'service':
      return 'script';
    case 'none':
      return 'none';
    case 'via': {
      const origin = route.instance?.origin;
      if (origin !== undefined) return origin === 'peer' ? 'peer' : 'local';
      // A Main that chooses by itself, or whatever a Home leaves to its Main.
      return route.destination?.mainRelay === self ? 'local' : 'peer';
    }
  }
}
