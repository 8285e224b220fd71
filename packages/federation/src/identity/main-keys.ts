// A Home remembers the key of each Main it has met, per address, and refuses another one there.

export interface MainKeyStore {
  /** base64url, by `host:port`. */
  get(address: string): string | undefined;
  set(address: string, publicKey: string): void;
}
