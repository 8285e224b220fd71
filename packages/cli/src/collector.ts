// Where spans go, from the standard OTEL_ variables or `otlp_endpoint` of the config block.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/

import type { RelayOptions } from '@relay/federation';
import type { Variables } from './environment.ts';
import { RANK, UsageError } from './usage.ts';

type Collector = NonNullable<RelayOptions['collector']>;

export interface ReadCollector {
  /** Undefined: nothing is exported. */
  readonly collector: Collector | undefined;
  readonly warnings: readonly string[];
}

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TRACES_ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const TRACES_PATH = '/v1/traces';

export function readCollector(env: Variables, configured: string | undefined): ReadCollector {
  const given = (name: string): string | undefined => env[name]?.trim() || undefined;
  const isOff =
    given('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || given('OTEL_TRACES_EXPORTER') === 'none';
  const exact = given(TRACES_ENDPOINT);
  const base = given(ENDPOINT) ?? configured;
  if (isOff || (exact === undefined && base === undefined)) return { collector: undefined, warnings: [] };
  const name =
    exact !== undefined ? TRACES_ENDPOINT : given(ENDPOINT) !== undefined ? ENDPOINT : 'otlp_endpoint';
  const text = exact ?? `${(base ?? '').replace(/\/$/, '')}${TRACES_PATH}`;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw wrong(name, exact ?? base ?? '', 'use http://HOST:PORT or https://HOST:PORT');
  }
  const timeout = given('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ?? given('OTEL_EXPORTER_OTLP_TIMEOUT');
  if (timeout !== undefined && !/^[1-9]\d{0,6}$/.test(timeout)) {
    throw wrong('OTEL_EXPORTER_OTLP_TIMEOUT', timeout, 'must be a number of milliseconds');
  }
  const protocol = given('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? given('OTEL_EXPORTER_OTLP_PROTOCOL');
  const headers = given('OTEL_EXPORTER_OTLP_TRACES_HEADERS') ?? given('OTEL_EXPORTER_OTLP_HEADERS');
  const resource = pairs(given('OTEL_RESOURCE_ATTRIBUTES'));
  const service = given('OTEL_SERVICE_NAME') ?? resource['service.name'] ?? 'relay';
  return {
    collector: {
      url: text,
      headers: pairs(headers),
      ...(timeout === undefined ? {} : { timeoutMs: Number(timeout) }),
      attributes: { ...resource, 'service.name': service },
    },
    warnings:
      protocol === undefined || protocol === 'http/json'
        ? []
        : [`warning: spans leave as http/json; the collector must take that in place of ${protocol}`],
  };
}

/** `key=value,key=value`, percent-encoded. */
function pairs(text: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of (text ?? '').split(',')) {
    const at = item.indexOf('=');
    if (at > 0) found[item.slice(0, at).trim()] = decoded(item.slice(at + 1).trim());
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wrong(name: string, value: string, reason: string): UsageError {
  return new UsageError([{ rank: RANK.badValue, text: `invalid value "${value}" for ${name}: ${reason}` }]);
}
