import type { Clock, Session } from '@relay/protocol';

const LOOK_MS = 20;
/** What calls in flight get at the end of a node, and of a link that is left (cli.md §9). */
export const LAST_CALLS_MS = 10_000;

/** Resolves when no call is in flight on these sessions in either direction, or after `limitMs`. */
export function untilQuiet(sessions: readonly Session[], limitMs: number, clock: Clock): Promise<void> {
  return until(() => sessions.every((session) => !session.isOpen || session.isQuiet), limitMs, clock);
}

/** Resolves when `condition` holds, or after `limitMs`. */
export function until(condition: () => boolean, limitMs: number, clock: Clock): Promise<void> {
  const end = clock.now() + limitMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition() || clock.now() >= end) resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  });
}
