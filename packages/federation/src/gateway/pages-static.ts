// Files below the static folder of a program. The path is taken apart before the file system sees it, and what it leads to is looked
// at after links have been followed: nothing outside of the folder, nothing hidden.

import { type FileHandle, open, realpath } from 'node:fs/promises';
import path from 'node:path';

export interface StaticFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly contentType: string;
  readonly etag: string;
  readonly lastModified: string;
}

/** `wanted` as in the request, without `/static/`. Undefined for what is not there, and for what nobody shall see. */
export async function openStatic(folder: string, wanted: string): Promise<StaticFile | undefined> {
  const parts = wanted.split('/').map(decoded);
  if (!parts.every(isPlainName)) return undefined;
  let handle: FileHandle | undefined;
  try {
    const root = await realpath(folder);
    const file = await realpath(path.join(root, ...(parts as string[])));
    if (!file.startsWith(root + path.sep)) return undefined;
    handle = await open(file, 'r');
    const found = await handle.stat();
    if (!found.isFile()) {
      await handle.close();
      return undefined;
    }
    const stamp = Math.floor(found.mtimeMs).toString(36);
    return {
      handle,
      size: found.size,
      contentType: staticType(file),
      etag: `"${found.size.toString(36)}-${stamp}"`,
      lastModified: found.mtime.toUTCString(),
    };
  } catch {
    await handle?.close();
    return undefined;
  }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** Covers `.`, `..` and files that begin with a dot; a colon is a drive or a stream on some systems. */
function isPlainName(name: string | undefined): boolean {
  return name !== undefined && name !== '' && !name.startsWith('.') && !/[/\\:\0]/.test(name);
}

/** Has the client what it asks for? */
export function isFresh(
  headers: {
    readonly 'if-none-match'?: string | undefined;
    readonly 'if-modified-since'?: string | undefined;
  },
  { etag, lastModified }: Pick<StaticFile, 'etag' | 'lastModified'>,
): boolean {
  const match = headers['if-none-match'];
  if (match !== undefined) {
    const known = match.split(',').map((one) => one.trim().replace(/^W\//, ''));
    return known.includes('*') || known.includes(etag);
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return Number.isFinite(since) && Date.parse(lastModified) <= since;
}

const TYPES: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  css: 'text/css; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  gif: 'image/gif',
  htm: 'text/html; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  map: 'application/json; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  ogg: 'audio/ogg',
  otf: 'font/otf',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  ttf: 'font/ttf',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/wasm',
  wav: 'audio/wav',
  webm: 'video/webm',
  webmanifest: 'application/manifest+json',
  webp: 'image/webp',
  woff: 'font/woff',
  woff2: 'font/woff2',
  xml: 'application/xml; charset=utf-8',
  zip: 'application/zip',
};

export function staticType(file: string): string {
  const ending = path.extname(file).slice(1).toLowerCase();
  return Object.hasOwn(TYPES, ending) ? TYPES[ending]! : 'application/octet-stream';
}
