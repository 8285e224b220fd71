// Durations of the config block; language.md §20.

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Seconds, or a text like `"500ms"`, `"30s"`, `"5m"`, `"1h"`; in ms. Undefined for anything else. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 && Number.isFinite(value) ? value * 1_000 : undefined;
  const parts = typeof value === 'string' ? /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(value) : null;
  return parts === null ? undefined : Number(parts[1]) * (UNIT_MS[parts[2] ?? ''] ?? Number.NaN);
}
