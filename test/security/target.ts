// A node under attack.

import type { Address } from './exchange.ts';

/** An endpoint as the gateway registers it. */
export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly isAdmin: boolean;
  readonly isPublic: boolean;
}

export interface Target extends Address {
  readonly name: string;
  readonly role: 'main' | 'home' | 'p2p';
  readonly endpoints: readonly Endpoint[];
  /** Of everything that is random in what is sent. */
  readonly seed: number;
  readonly pid: number;
  /** Why the process is not there any more. */
  readonly death: () => string | undefined;
}

/** The path of an endpoint with something in the place of its parameters. */
export function concrete(path: string): string {
  return path.replaceAll(/:\w+/g, 'nothing');
}
