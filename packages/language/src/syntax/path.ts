// Paths of imports, by hand: the language runs where there is no file system. `/` separates, on every platform.

/** The folder part, without the last `/`; empty for a bare name, `/` for the root. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : slash === 0 ? '/' : path.slice(0, slash);
}

/** A file of a folder. */
export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : folder === '/' ? `/${name}` : `${folder}/${name}`;
}

/** A relative path, seen from a folder given relative to the root of the program; undefined if it leaves that root. */
export function resolveInside(folder: string, path: string): string | undefined {
  if (path === '' || path.startsWith('/') || path.includes('\\') || path.includes('\0')) return undefined;
  if (/^[A-Za-z]:/.test(path)) return undefined;
  const parts = folder === '' ? [] : folder.split('/');
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 ? undefined : parts.join('/');
}
