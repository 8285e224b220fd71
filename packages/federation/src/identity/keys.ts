// The key of a node: Ed25519, made at the first start and kept in the folder of the node.

import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign as signWith,
  verify as verifyWith,
} from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Random } from '@relay/protocol';
import { writeAtomically } from './write-atomically.ts';

export interface Identity {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

const SEED_BYTES = 32;
/** What stands before the 32 bytes of a private key in the DER form of RFC 8410. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

const KEY_FILE = 'node-key.pem';

/** Reads the key of the node from its folder, or makes one there, readable by its owner only. */
export function loadOrCreateIdentity(dir: string): Identity {
  const file = path.join(dir, KEY_FILE);
  const existing = readIfExists(file);
  if (existing !== undefined) {
    chmodSync(file, 0o600);
    return identityOf(createPrivateKey(existing));
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const key = keyFromSeed(randomBytes(SEED_BYTES));
  writeAtomically(file, key.export({ type: 'pkcs8', format: 'pem' }));
  return identityOf(key);
}

/** A key from this randomness, kept nowhere. The same seed gives the same key, so simulations repeat. */
export function createIdentity(random: Random): Identity {
  return identityOf(keyFromSeed(random.bytes(SEED_BYTES)));
}

/** False for a wrong length, a key that is no point on the curve, or a signature by another key. Never throws. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    // As a JWK, which costs a third of DER: nothing is searched for a decoder.
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verifyWith(null, bytes, key, signature);
  } catch {
    return false;
  }
}

function keyFromSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

function identityOf(key: KeyObject): Identity {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(`the key in ${KEY_FILE} is ${key.asymmetricKeyType}, not ed25519`);
  }
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    publicKey: new Uint8Array(der.subarray(der.length - PUBLIC_KEY_BYTES)),
    sign: (bytes) => signWith(null, bytes, key),
  };
}

function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
