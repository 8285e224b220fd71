// Is the write-ahead log of SQLite damaged in its middle? SQLite itself takes the first frame that does not match its checksum for
// the end of the log, which is right after a crash and would silently lose commits after a bit fell over. A commit is synced before
// the next begins, so a bad frame that a whole commit and more of the same log follow was good once. https://sqlite.org/fileformat.html#walformat

import { existsSync, readFileSync } from 'node:fs';
import { endianness } from 'node:os';

const HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC = 0x377f_0682;

/** What is wrong, or undefined. A log cut off at its end looks like one that ended there, and is not found. */
export function findDamagedLog(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  if (bytes.length < HEADER) return undefined;
  const magic = bytes.readUInt32BE(0);
  if ((magic & ~1) !== MAGIC)
    return bytes.every((byte) => byte === 0) ? undefined : `${file} is no log of SQLite`;
  const isBig = (magic & 1) === 1;
  const pageSize = bytes.readUInt32BE(8);
  const salts = bytes.subarray(16, 24);
  const start = checksum(bytes, 0, 24, 0, 0, isBig);
  if (start[0] !== bytes.readUInt32BE(24) || start[1] !== bytes.readUInt32BE(28)) {
    return bytes.length > HEADER ? `the header of ${file} does not match its checksum` : undefined;
  }
  let sum = start;
  let isBroken = false;
  let hasCommitAfter = false;
  for (let at = HEADER; at + FRAME_HEADER + pageSize <= bytes.length; at += FRAME_HEADER + pageSize) {
    // An older log that this one overwrites from its beginning.
    if (bytes.compare(salts, 0, 8, at + 8, at + 16) !== 0) {
      if (!isBroken) return undefined;
      continue;
    }
    if (hasCommitAfter) return `${file} is damaged before its last commits`;
    if (!isBroken) {
      sum = checksum(bytes, at, at + 8, sum[0], sum[1], isBig);
      sum = checksum(bytes, at + FRAME_HEADER, at + FRAME_HEADER + pageSize, sum[0], sum[1], isBig);
      isBroken = sum[0] !== bytes.readUInt32BE(at + 16) || sum[1] !== bytes.readUInt32BE(at + 20);
    } else if (bytes.readUInt32BE(at + 4) !== 0) hasCommitAfter = true;
  }
  return undefined;
}

function checksum(
  bytes: Buffer,
  from: number,
  to: number,
  first: number,
  second: number,
  isBig: boolean,
): readonly [number, number] {
  let a = first | 0;
  let b = second | 0;
  if (!isBig && bytes.byteOffset % 4 === 0 && endianness() === 'LE') {
    // The common case at the speed of memory: a log may have many megabytes.
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + from, (to - from) >>> 2);
    for (let at = 0; at < words.length; at += 2) {
      a = (a + words[at]! + b) | 0;
      b = (b + words[at + 1]! + a) | 0;
    }
    return [a >>> 0, b >>> 0];
  }
  for (let at = from; at < to; at += 8) {
    a = (a + (isBig ? bytes.readInt32BE(at) : bytes.readInt32LE(at)) + b) | 0;
    b = (b + (isBig ? bytes.readInt32BE(at + 4) : bytes.readInt32LE(at + 4)) + a) | 0;
  }
  return [a >>> 0, b >>> 0];
}
