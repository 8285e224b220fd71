import type { Clock } from './clock.ts';

/** `Clock.defer` on top of whatever the runtime has for the end of a turn: one scheduled task runs everything deferred in it. */
export function createDefer(schedule: (run: () => void) => void): Clock['defer'] {
  let deferred: (() => void)[] = [];
  const runAll = (): void => {
    const batch = deferred;
    try {
      // The length is read anew each time round: what is deferred meanwhile belongs to this turn, as a link uncorks after its outbox.
      for (let index = 0; index < batch.length; index += 1) batch[index]?.();
    } finally {
      deferred = [];
    }
  };
  return (run) => {
    if (deferred.length === 0) schedule(runAll);
    deferred.push(run);
  };
}
