// Requests and upgrades that were refused because of who asked.

export class Denials {
  /** `unauthorized`: no valid credential. `forbidden`: who asks may not, or a page of another site does. */
  readonly counts = { unauthorized: 0, forbidden: 0 };

  /** A refusal with this code; others are about what was asked, and not counted. */
  add(code: string): void {
    if (code === 'unauthorized' || code === 'forbidden') this.counts[code] += 1;
  }
}
