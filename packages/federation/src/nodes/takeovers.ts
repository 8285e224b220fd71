// Two nodes that fight over one id would end each other's sessions for ever. More than three takeovers by another instance in a minute
// are refused (protocol.md §3, "One session per id").

const WINDOW_MS = 60_000;
const ALLOWED = 3;

export class Takeovers {
  readonly #times = new Map<string, number[]>();

  /** Notes a takeover at `now`; false if there have been too many. */
  allow(id: string, now: number): boolean {
    const recent = (this.#times.get(id) ?? []).filter((at) => now - at < WINDOW_MS);
    if (recent.length >= ALLOWED) return false;
    recent.push(now);
    this.#times.delete(id);
    this.#times.set(id, recent);
    this.#forgetOld(now);
    return true;
  }

  /** The map is in order of last takeover. */
  #forgetOld(now: number): void {
    for (const [id, times] of this.#times) {
      if (now - (times.at(-1) ?? 0) < WINDOW_MS) return;
      this.#times.delete(id);
    }
  }
}
