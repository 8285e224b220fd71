// What the connection managers tell a person, by way of the composition root. The CLI turns these into lines (cli.md §5).

import type { Role } from '@relay/protocol';

export type NodeEvent =
  | { readonly kind: 'connecting'; readonly what: LinkKind; readonly url: string }
  | { readonly kind: 'connected'; readonly what: LinkKind; readonly id: string; readonly url: string }
  | ({ readonly kind: 'lost'; readonly id: string } & Setback)
  | ({ readonly kind: 'dial-failed' } & Setback)
  /** Final: not dialled again with this credential. */
  | {
      readonly kind: 'refused';
      readonly what: LinkKind;
      readonly url: string;
      readonly id?: string;
      readonly code: number;
      readonly reason: string;
    }
  /** The URL of a configured peer leads back to this node; not dialled again. */
  | { readonly kind: 'self-dialled'; readonly url: string }
  | { readonly kind: 'home-connected'; readonly id: string; readonly services: number }
  | { readonly kind: 'home-disconnected'; readonly id: string; readonly reason: string }
  | { readonly kind: 'peer-connected'; readonly id: string; readonly remoteAddress: string }
  | { readonly kind: 'peer-disconnected'; readonly id: string; readonly reason: string }
  /** A link that came in was not let in. `role` and `id` are what it said of itself, if it got so far. */
  | {
      readonly kind: 'turned-away';
      readonly role: Role | undefined;
      readonly id: string | undefined;
      readonly remoteAddress: string;
      readonly code: number;
      readonly reason: string;
    }
  /** Something a person should look at: a service that the Main refused, an id that two nodes fight over. */
  | { readonly kind: 'warned'; readonly message: string };

export type LinkKind = 'Main Relay' | 'peer';

export interface Setback {
  readonly what: LinkKind;
  readonly url: string;
  readonly reason: string;
  /** 1 for the first redial after it. */
  readonly attempt: number;
  /** Wait before that redial. */
  readonly retryMs: number;
}

export interface NodeEvents {
  emit(event: NodeEvent): void;
}
