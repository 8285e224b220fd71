// The keys a `config` block may have: RL5004.

import type { Entry } from '../syntax/ast.ts';
import type { CheckContext } from './context.ts';
import { nearestHint } from './nearest-name.ts';

/** `true`: whatever stands there is not looked into. */
interface KeyTable {
  readonly [key: string]: true | KeyTable;
}

const CONFIG_KEYS: KeyTable = {
  app_name: true,
  port: true,
  relay: true,
  timeout: true,
  host: true,
  node_id: true,
  advertise: true,
  admission: true,
  metrics_listen: true,
  federation: {
    auto_discover: true,
    known_relays: true,
    cache_duration: true,
    fallback: true,
    uplinks: true,
    peers: true,
    p2p_peers: true,
    service_ttl: true,
    health_check_interval: true,
    allow_remote_admin: true,
  },
  load_balancing: { strategy: true, health_check_interval: true, services: true },
  persistence: { backend: true, sync: true, url: true },
  templates: { template_dir: true, static_dir: true, auto_reload: true },
  circuit_breaker: { failures: true, open_for: true },
  // The names a node publishes in its description belong here too, and that list is not ours.
  limits: true,
  http: { cors: true, cors_origins: true, headers: true },
};

export function checkConfig(
  entries: readonly Entry[],
  context: CheckContext,
  table: KeyTable = CONFIG_KEYS,
  path = '',
): void {
  for (const { key, value } of entries) {
    const known = Object.hasOwn(table, key.text) ? table[key.text] : undefined;
    if (known === undefined) {
      const hint = nearestHint(key.text, Object.keys(table));
      context.report.warning('RL5004', `unknown config key: ${path}${key.text}`, key.span, hint);
    } else if (known !== true && value.kind === 'object') {
      checkConfig(value.entries, context, known, `${path}${key.text}.`);
    }
  }
}
