// The keys a `config` block may have (RL5004) and what may stand there (RL3006); language.md §20, cli.md §7.

import type { Entry, Expression } from '../syntax/ast.ts';
import { type CheckContext, literalText } from './context.ts';
import { nearestHint } from './nearest-name.ts';

/** What a setting is: `texts` an array of strings, `duration` seconds or a text like "30s"; an array lists the only texts. */
type Setting = 'string' | 'number' | 'bool' | 'duration' | 'texts' | 'any' | readonly string[];

interface Group {
  readonly keys: Readonly<Record<string, Setting | Group>>;
  /** For keys the author chooses. */
  readonly others?: Setting | Group;
}

const STRATEGIES = [
  ...['round_robin', 'least_connections', 'random', 'lowest_latency', 'sticky', 'power_of_two'],
];

const CONFIG: Group = {
  keys: {
    app_name: 'string',
    port: 'number',
    relay: 'any',
    timeout: 'duration',
    host: 'string',
    node_id: 'string',
    advertise: 'string',
    admission: 'string',
    metrics_listen: 'string',
    otlp_endpoint: 'string',
    federation: {
      keys: {
        auto_discover: 'bool',
        known_relays: 'texts',
        cache_duration: 'duration',
        fallback: 'texts',
        uplinks: 'number',
        peers: 'texts',
        p2p_peers: 'texts',
        service_ttl: 'duration',
        health_check_interval: 'duration',
        allow_remote_admin: 'bool',
      },
    },
    load_balancing: {
      keys: {
        strategy: STRATEGIES,
        health_check_interval: 'duration',
        services: {
          keys: {},
          others: { keys: { strategy: STRATEGIES, timeout: 'duration', weight: 'number' } },
        },
      },
    },
    persistence: {
      keys: { backend: ['embedded', 'memory', 'postgres'], sync: ['full', 'normal'], url: 'string' },
    },
    templates: { keys: { template_dir: 'string', static_dir: 'string', auto_reload: 'bool' } },
    circuit_breaker: { keys: { failures: 'number', open_for: 'duration' } },
    limits: {
      keys: {
        // Of the program.
        steps: 'number',
        time: 'duration',
        depth: 'number',
        value_size: 'number',
        string_length: 'number',
        array_length: 'number',
        sends: 'number',
        mailbox: 'number',
        // Of the node: those it is given, and those it names to others.
        body: 'number',
        batch: 'number',
        handshakes_per_ip: 'number',
        homes_per_ip: 'number',
        admission_rate: 'number',
        message_bytes: 'number',
        body_bytes: 'number',
        in_flight: 'number',
        services: 'number',
        service_bytes: 'number',
      },
    },
    http: { keys: { cors: 'bool', cors_origins: 'texts', headers: { keys: {}, others: 'string' } } },
  },
};

export function checkConfig(
  entries: readonly Entry[],
  context: CheckContext,
  group: Group = CONFIG,
  path = '',
): void {
  for (const { key, value } of entries) {
    const name = `${path}${key.text}`;
    const setting = Object.hasOwn(group.keys, key.text) ? group.keys[key.text] : group.others;
    if (setting === undefined) {
      const hint = nearestHint(key.text, Object.keys(group.keys));
      context.report.warning('RL5004', `unknown config key: ${name}`, key.span, hint);
    } else if (isGroup(setting)) {
      if (value.kind === 'object') checkConfig(value.entries, context, setting, `${name}.`);
      else if (!isKind(value, ['object'], context)) wrong(name, 'an object', value, context);
    } else checkSetting(name, setting, value, context);
  }
}

/** An array has `keys` too, as a method. */
function isGroup(setting: Setting | Group): setting is Group {
  return typeof setting === 'object' && !Array.isArray(setting);
}

function checkSetting(name: string, setting: Setting, value: Expression, context: CheckContext): void {
  const text = literalText(value);
  switch (setting) {
    case 'any':
      return;
    case 'string':
    case 'number':
    case 'bool':
      if (!isKind(value, [setting], context)) wrong(name, `a ${setting}`, value, context);
      return;
    case 'duration':
      if (
        !isKind(value, ['number', 'string'], context) ||
        (text !== undefined && !/^[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h)$/.test(text))
      ) {
        wrong(name, 'a duration', value, context, 'write seconds, or a text like "500ms", "30s", "5m", "1h"');
      }
      return;
    case 'texts':
      if (!isKind(value, ['array'], context)) wrong(name, 'an array of strings', value, context);
      else if (value.kind === 'array') {
        for (const element of value.elements) {
          if (!isKind(element, ['string'], context)) wrong(name, 'an array of strings', element, context);
        }
      }
      return;
    default:
      if (!isKind(value, ['string'], context)) wrong(name, 'a string', value, context);
      else if (text !== undefined && !setting.includes(text)) {
        const hint = nearestHint(text, setting) ?? `it is one of ${setting.join(', ')}`;
        const message = `config ${name}: unknown value "${text}"`;
        context.report.error('RL3006', message, value.span, hint);
      }
  }
}

/** Nil counts as left out. */
function isKind(value: Expression, kinds: readonly string[], context: CheckContext): boolean {
  return [...kinds, 'unknown', 'nil'].includes(context.types.typeOf(value).kind);
}

function wrong(name: string, wanted: string, value: Expression, context: CheckContext, hint?: string): void {
  const { kind } = context.types.typeOf(value);
  const got = literalText(value) === undefined ? kind : `"${literalText(value)}"`;
  context.report.error('RL3006', `config ${name}: expected ${wanted}, got ${got}`, value.span, hint);
}
