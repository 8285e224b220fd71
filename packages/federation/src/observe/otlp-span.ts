// How a call looks as an OpenTelemetry span. The conventions for RPC are still in development, so all names are in this file.
// https://opentelemetry.io/docs/specs/semconv/rpc/

import type { Random } from '@relay/protocol';
import type { FinishedSpan } from './call-watch.ts';

export interface SpanResource {
  /** `service.name` first; then what the operator adds. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Version of the build. */
  readonly version: string;
}

const SPAN_KIND_SERVER = 2;
const STATUS_OK = 0;
const STATUS_ERROR = 2;

/** The body of `POST /v1/traces`. */
export function encodeSpans(spans: readonly FinishedSpan[], resource: SpanResource, random: Random): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributes(resource.attributes) },
        scopeSpans: [
          {
            scope: { name: 'relay', version: resource.version },
            spans: spans.map((span) => encodeSpan(span, random)),
          },
        ],
      },
    ],
  });
}

/**
 * The trace context crosses the federation unchanged. The node where the call began takes the span id in it for its own span, so the spans
 * of the other nodes, which name it as their parent, hang below.
 */
function encodeSpan({ trace, way, isRoot, traceparent }: FinishedSpan, random: Random): unknown {
  const { traceId, method, outcome, startedAt, totalMs, path, linked } = trace;
  const contextSpan = traceparent.slice(36, 52);
  const isFailure = outcome !== 'ok' && outcome !== 'cancelled';
  return {
    traceId,
    spanId: isRoot ? contextSpan : Buffer.from(random.bytes(8)).toString('hex'),
    ...(isRoot ? {} : { parentSpanId: contextSpan }),
    name: method,
    kind: SPAN_KIND_SERVER,
    startTimeUnixNano: nanos(startedAt),
    endTimeUnixNano: nanos(startedAt + totalMs),
    attributes: attributes({
      'rpc.system': 'jsonrpc',
      'rpc.method': method,
      'relay.route': way,
      'relay.path': path.join(' '),
      'relay.outcome': outcome,
      ...(trace.at === undefined ? {} : { 'relay.failed_at': trace.at }),
      ...(trace.executed === undefined ? {} : { 'relay.executed': trace.executed }),
      ...(isFailure ? { 'error.type': outcome } : {}),
    }),
    ...(linked === undefined ? {} : { links: [linked] }),
    status: { code: isFailure ? STATUS_ERROR : STATUS_OK },
  };
}

/** Text, since a double cannot hold it. */
function nanos(wallMs: number): string {
  return (BigInt(Math.floor(wallMs)) * 1_000_000n + BigInt(Math.floor((wallMs % 1) * 1_000_000))).toString();
}

function attributes(values: Readonly<Record<string, string>>): unknown[] {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
