// What the gateway needs of the program whose pages it serves, and no more. The composition root gives it.

import type { Cancel } from '@relay/protocol';

export type PageAnswer =
  | { readonly kind: 'page'; readonly contentType: string; readonly body: Uint8Array }
  /** `message` may be shown to anybody. */
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 500 | 503; readonly message: string };

export interface ProgramPages {
  /** Every path that a page has, and where it is declared: `FILE:LINE:COLUMN`. */
  readonly paths: readonly { readonly path: string; readonly place: string }[];
  /** Absolute; need not be there. */
  readonly staticDir: string;
  /** Undefined if no page has this path. `path` as in the request, `query` without its question mark; `settle` is called once. */
  get(path: string, query: string, settle: (answer: PageAnswer) => void): Cancel | undefined;
}
