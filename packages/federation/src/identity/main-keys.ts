// A Home remembers the key of each Main it has met, per address, and refuses another one there.

import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeAtomically } from './write-atomically.ts';

export interface MainKeyStore {
  /** base64url, by `host:port`. */
  get(address: string): string | undefined;
  set(address: string, publicKey: string): void;
}

/** In the folder of a Home. */
export const MAIN_KEYS_FILE = 'main-keys.json';

/** Forgets the key of the Main at this address; false if none is remembered. */
export function forgetMainKey(file: string, address: string): boolean {
  const keys = readKeys(file);
  if (!keys.delete(address)) return false;
  writeAtomically(file, `${JSON.stringify(Object.fromEntries(keys), null, 1)}\n`);
  return true;
}

export function createMemoryMainKeys(): MainKeyStore {
  const keys = new Map<string, string>();
  return { get: (address) => keys.get(address), set: (address, key) => void keys.set(address, key) };
}

/** One JSON object, by address. A file that cannot be read is an error: silently trusting anew would defeat the purpose. */
export function createFileMainKeys(file: string): MainKeyStore {
  return {
    // Read anew each time: a handshake is rare, and `relay forget-main` may have run since.
    get: (address) => readKeys(file).get(address),
    set(address, key) {
      const keys = readKeys(file);
      if (keys.get(address) === key) return;
      keys.set(address, key);
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeAtomically(file, `${JSON.stringify(Object.fromEntries(keys), null, 1)}\n`);
    },
  };
}

function readKeys(file: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  const raw: unknown = JSON.parse(text);
  const keys = new Map<string, string>();
  if (typeof raw !== 'object' || raw === null) throw new Error(`${file} holds no keys`);
  for (const [address, key] of Object.entries(raw)) if (typeof key === 'string') keys.set(address, key);
  return keys;
}
