// `relay forget` runs beside a Main that may be running. What it asks for takes effect here within a second, also on a session
// that stands, and before any handshake is decided. Source: security.md §3.

import type { Clock } from '@relay/protocol';
import type { Admission } from '../identity/admission.ts';
import type { OwnerRole } from '../identity/admission-store.ts';

/** How soon a request is noticed where nobody knocks. */
const LOOK_MS = 1_000;

export interface ForgottenKeysOptions {
  readonly admission: Admission;
  readonly clock: Clock;
  /** The id has no owner any more: whoever is here under it goes. */
  readonly forgotten: (role: OwnerRole, id: string) => void;
  readonly warn: (message: string) => void;
}

export class ForgottenKeys {
  readonly #options: ForgottenKeysOptions;
  #timer: Disposable | undefined;
  #lastError = '';
  #hasLooked = false;

  constructor(options: ForgottenKeysOptions) {
    this.#options = options;
    if (options.admission.takesRequests) this.#lookLater();
  }

  /** Does what has been asked for since; reads the file at most once in a turn of the event loop, in which many Homes may knock. */
  look(): void {
    const { admission, clock, forgotten } = this.#options;
    if (this.#hasLooked) return;
    const ids = admission.takeForgotten();
    this.#hasLooked = true;
    clock.defer(() => {
      this.#hasLooked = false;
    });
    for (const { role, id } of ids) forgotten(role, id);
  }

  stop(): void {
    this.#timer?.[Symbol.dispose]();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#lookLater();
      try {
        this.look();
        this.#lastError = '';
      } catch (error) {
        // The file is locked or damaged: a Main goes on without it, and says so once.
        const text = error instanceof Error ? error.message : String(error);
        if (text !== this.#lastError) this.#options.warn(`cannot read what relay forget asks for: ${text}`);
        this.#lastError = text;
      }
    });
  }
}
