// One call, in the form of the federation on one side and of the P2P mesh on the other. Source: legacy-p2p.md §7, §8.

import {
  argsFromParams,
  type Body,
  CALL_LIMITS,
  type Call,
  type Cancel,
  type Clock,
  createFailure,
  decodeUtf8,
  encodeUtf8,
  homeAddress,
  isNodeId,
  type Outcome,
  remoteFailureText,
  type Settle,
} from '@relay/protocol';
import type { ArrivedCall } from './arrived-calls.ts';
import type { ArrivedEnd } from './p2p-answers.ts';
import type { P2pNetwork } from './p2p-network.ts';

/** A call that came over a P2P link, for the own program or the router. */
export function callOfArrived(arrived: ArrivedCall, clock: Clock, traceparent: string): Call {
  const { from, server, method, args, timeoutMs } = arrived;
  const node = isNodeId(from) ? from : 'client';
  return {
    service: server,
    method,
    params: encodeUtf8(JSON.stringify(args)),
    deadline: clock.now() + timeoutMs,
    source: homeAddress(node),
    caller: { kind: 'p2p', node },
    path: [node],
    ttl: CALL_LIMITS.ttl,
    priority: CALL_LIMITS.defaultPriority,
    trace: false,
    traceparent,
    callPath: [],
  };
}

/** What goes back over the P2P link; a missing service in the words of existing nodes. */
export function endOfOutcome(outcome: Outcome, service: string): ArrivedEnd {
  if (outcome.kind === 'failure') {
    const { name, message, executed } = outcome.failure;
    const isMissing = name === 'service_not_found' && executed === 'no';
    return { kind: 'failure', name, text: isMissing ? `server ${service} not found` : message };
  }
  const value = parsed(outcome.body);
  return value === undefined
    ? { kind: 'failure', name: 'internal_error', text: 'the result of the method is not JSON' }
    : { kind: 'result', value };
}

/** Sends a call to a P2P node. `self` is the node that speaks. */
export function callOverP2p(
  network: P2pNetwork,
  { call, target, self, clock }: { call: Call; target: string; self: string; clock: Clock },
  settle: Settle,
): Cancel {
  const { service: server, method, deadline } = call;
  const trace = call.trace ? { trace: { path: [...call.path, self, target], spans: [] } } : {};
  const params = parsed(call.params);
  if (params === undefined) {
    const failure = createFailure('invalid_params', 'the arguments are not JSON', self);
    settle({ kind: 'failure', failure });
    return () => {};
  }
  const timeoutMs = deadline - clock.now();
  const request = { target, server, method, args: argsFromParams(params), timeoutMs };
  const forget = network.call(request, (end) => {
    if (end.kind === 'result') {
      settle({ kind: 'result', body: encodeUtf8(JSON.stringify(end.value)), ...trace });
      return;
    }
    const { failure, stage } = end;
    settle({
      kind: 'failure',
      failure: { ...failure, message: remoteFailureText(stage, failure.message) },
      ...trace,
    });
  });
  return () => forget();
}

/** Null for no body; undefined if it is not JSON. */
function parsed(body: Body): unknown {
  if (body.length === 0) return null;
  try {
    return JSON.parse(decodeUtf8(body) ?? 'not UTF-8');
  } catch {
    return undefined;
  }
}
