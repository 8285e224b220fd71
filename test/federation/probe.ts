// Whether a Main reaches a Home: one call of the ledger, to that node.

import { waitFor } from '@relay/testkit';
import { Caller, isAnswerOf } from './calls.ts';
import { type Node, START_LIMIT_MS } from './federation.ts';

/** As long as the calls of the scripts have: less would teach the breakers that the Home is broken. */
const TIMEOUT_S = 5;
const LIMIT_MS = 6_000;
/** No id of a call that is counted. */
const PROBE_ID = -1;

/** Undefined if it does; otherwise what the call came to. */
export async function whyUnreached(caller: Caller, main: Node, home: Node): Promise<string | undefined> {
  const probe = {
    node_id: home.id,
    service_name: 'ledger',
    method: 'read',
    args: [PROBE_ID],
    timeout: TIMEOUT_S,
  };
  const outcome = await caller.call(main.url, probe, LIMIT_MS);
  if (outcome.kind === 'failure') return outcome.code;
  if (outcome.kind !== 'result') return outcome.kind;
  return isAnswerOf(outcome.value, PROBE_ID, home.id) ? undefined : 'a wrong answer';
}

export async function untilEachPairAnswers(mains: readonly Node[], homes: readonly Node[]): Promise<void> {
  using caller = new Caller(4);
  for (const main of mains) {
    for (const home of homes) {
      await waitFor(async () => (await whyUnreached(caller, main, home)) === undefined, {
        what: `${main.id} to reach ${home.id}`,
        limitMs: START_LIMIT_MS,
      });
    }
  }
}
