import type { Clock, Service, Session } from '@relay/protocol';

const LOOK_MS = 20;
/** What calls in flight get at the end of a node (cli.md §9). */
export const LAST_CALLS_MS = 10_000;
/** What they get on a link to a Main that leaves; longer than a Main takes, so that it is the Main who says what became of them. */
export const LEAVE_MS = 300_000;
/** What a Main gets to say that it knows of the end of a Home; one that says nothing is probably out of reach. */
export const RETIRE_MS = 3_000;
/** What a service gets to refuse the calls that wait for it; one that computes without a pause hears nothing. */
const REFUSE_MS = 1_000;

/** Resolves when no call is in flight on these sessions in either direction, or after `limitMs`. */
export function untilQuiet(sessions: readonly Session[], limitMs: number, clock: Clock): Promise<void> {
  return until(() => sessions.every((session) => !session.isOpen || session.isQuiet), limitMs, clock);
}

/** What has not begun at the services of a node that ends is refused, so that only what runs is cut. */
export function refuseWaiting(own: Iterable<{ readonly service?: Service }>, clock: Clock): Promise<void> {
  let isDone = false;
  void Promise.all([...own].map(({ service }) => service?.refuseWaiting?.())).then(() => {
    isDone = true;
  });
  return until(() => isDone, REFUSE_MS, clock);
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
