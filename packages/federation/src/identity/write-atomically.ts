import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** After a crash there is the old file or the new one, never half of one. Readable by its owner only. */
export function writeAtomically(file: string, text: string | Uint8Array): void {
  const draft = `${file}.new`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(handle, bytes, offset);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}
