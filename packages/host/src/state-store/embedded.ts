import path from 'node:path';
import { STATE_FILE, type SyncMode } from './state-file.ts';
import type { StateStoreSpec } from './state-store.ts';

/** The store of a node that keeps its state in a folder of its own, which no other process uses meanwhile. */
export function embeddedStore(folder: string, sync: SyncMode): StateStoreSpec {
  const isSource = import.meta.url.endsWith('.ts');
  const url = new URL(isSource ? './sqlite.ts' : './sqlite.js', import.meta.url).href;
  return { kind: 'module', url, options: { folder, sync }, file: path.join(folder, STATE_FILE) };
}
