// A circuit breaker as a state machine of values: closed, open for a time, probing with one trial call. The same machine keeps one
// method of an instance (a circuit, http-api.md §7.2) and an instance as a whole (an ejection, see outlier.ts).

export type Circuit =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly until: number }
  /** The call that began at `since` is the trial: its outcome decides. */
  | { readonly kind: 'probing'; readonly since: number };

/** What the outcome of a call says of its instance. `nothing`: neither that it works nor that it does not. */
export type Verdict = 'worked' | 'failed' | 'nothing';

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  readonly openForMs: number;
}

export const CLOSED: Circuit = Object.freeze({ kind: 'closed', failures: 0 });

/** When a call may pass: 0 or a time in the past means now. */
export function opensAt(circuit: Circuit, { openForMs }: CircuitOptions): number {
  switch (circuit.kind) {
    case 'closed':
      return 0;
    case 'open':
      return circuit.until;
    case 'probing':
      // A trial whose outcome is long in coming must not wedge the circuit.
      return circuit.since + openForMs;
  }
}

/** A call passes. The first one after the time is up is the trial. */
export function begin(circuit: Circuit, now: number, options: CircuitOptions): Circuit {
  return circuit.kind !== 'closed' && now >= opensAt(circuit, options)
    ? { kind: 'probing', since: now }
    : circuit;
}

/** A call that began at `startedAt` has ended. */
export function settle(
  circuit: Circuit,
  verdict: Verdict,
  startedAt: number,
  now: number,
  options: CircuitOptions,
): Circuit {
  switch (circuit.kind) {
    case 'closed': {
      if (verdict === 'nothing') return circuit;
      if (verdict === 'worked') return circuit.failures === 0 ? circuit : CLOSED;
      const failures = circuit.failures + 1;
      return failures < options.failures
        ? { kind: 'closed', failures }
        : { kind: 'open', until: now + options.openForMs };
    }
    case 'open':
      // Sent before it opened: says nothing about now.
      return circuit;
    case 'probing':
      if (circuit.since !== startedAt) return circuit;
      if (verdict === 'worked') return CLOSED;
      // A trial that says nothing is followed by the next one at once.
      return { kind: 'open', until: verdict === 'failed' ? now + options.openForMs : now };
  }
}
