// The trace that an HTTP caller says it is in. Anybody can claim any trace, so the calls get one of their own, and the claim is kept
// beside it as a link (operations.md, Traces). https://www.w3.org/TR/trace-context/#traceparent-header

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TraceLink } from '../routing/route.ts';
import type { HttpCaller } from './ports.ts';

const VERSION_00 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
/** Later versions begin in the same way and may go on. */
const LATER = /^(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.{0,200})?$/;
const ZEROS = /^0+$/;

/** What the header `traceparent` names; undefined without a valid one. */
export function linkedTrace({ traceparent }: IncomingHttpHeaders): TraceLink | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, traceId = '', spanId = ''] = VERSION_00.exec(traceparent) ?? LATER.exec(traceparent) ?? [];
  // Ids of zeros only, and none at all, are invalid.
  return ZEROS.test(traceId) || ZEROS.test(spanId) || traceId === '' ? undefined : { traceId, spanId };
}

/** Who asks by HTTP. */
export function httpCaller({ socket, headers }: IncomingMessage): HttpCaller {
  const linked = linkedTrace(headers);
  const remoteAddress = socket.remoteAddress ?? '';
  return linked === undefined ? { kind: 'http', remoteAddress } : { kind: 'http', remoteAddress, linked };
}
