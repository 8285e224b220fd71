// Retries may be a tenth of the calls, and at least three a second: enough to hide a failed instance, too few to make a storm.
// Source: protocol.md §7 Not executed.

const SHARE = 0.1;
const PER_SECOND = 3;
const MAX_SAVED = 100;

export class RetryBudget {
  /** Retries that were wanted and not allowed. */
  denied = 0;
  #tokens = PER_SECOND;
  #at = 0;

  /** What is left of the most that can be saved, 0 to 1. */
  get ratio(): number {
    return Math.max(0, this.#tokens) / MAX_SAVED;
  }

  /** Another call was accepted. */
  earn(): void {
    if (this.#tokens < MAX_SAVED) this.#tokens += SHARE;
  }

  /** Takes one retry out of the budget, if it is there. */
  spend(now: number): boolean {
    const elapsed = Math.min(now - this.#at, 1_000);
    this.#at = now;
    const atLeast = (PER_SECOND * elapsed) / 1_000;
    this.#tokens = Math.max(this.#tokens, Math.min(this.#tokens + atLeast, PER_SECOND));
    if (this.#tokens < 1) {
      this.denied += 1;
      return false;
    }
    this.#tokens -= 1;
    return true;
  }
}
