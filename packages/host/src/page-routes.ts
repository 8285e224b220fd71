// Which page a path means, and what its parameters are; language.md §19, http-api.md §13. Knows no HTTP and no files.

import { isoText, type PageDescription, parseIso } from '@relay/language';

export type PageMatch =
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly message: string }
  /** `args`: JSON text of an array in the tagged form, one element for each parameter. */
  | { readonly kind: 'page'; readonly page: PageDescription; readonly args: string };

/** All paths a page answers without further segments: as it is, without `.html`, and its folder. */
export function pathsOf(path: string): readonly string[] {
  const whole = `/${path}`;
  if (!whole.endsWith('.html')) return [whole];
  const paths = [whole, whole.slice(0, -'.html'.length)];
  return whole.endsWith('/index.html') ? [...paths, whole.slice(0, -'index.html'.length)] : paths;
}

interface Entry {
  readonly page: PageDescription;
  /** Further segments fill parameters. */
  readonly takesMore: boolean;
}

export class PageRoutes {
  readonly #entries = new Map<string, Entry>();

  constructor(pages: readonly PageDescription[]) {
    // A path as it is declared goes before one that is short for another.
    for (const page of pages) this.#entries.set(`/${page.path}`, { page, takesMore: true });
    for (const page of pages) {
      for (const path of pathsOf(page.path)) {
        if (!this.#entries.has(path)) this.#entries.set(path, { page, takesMore: !path.endsWith('/') });
      }
    }
  }

  /** `path` as it stands in the request, still encoded; `query` without its question mark. */
  match(path: string, query: string): PageMatch {
    const segments = path.split('/').map(decoded);
    if (segments.includes(undefined)) return { kind: 'none' };
    const parts = segments as string[];
    for (let length = parts.length; length > 1; length -= 1) {
      // A slash that came encoded is part of a segment, and no page has such a name.
      const head = parts.slice(0, length);
      if (head.some((part) => part.includes('/'))) continue;
      const entry = this.#entries.get(head.join('/'));
      const rest = parts.slice(length);
      if (entry === undefined || (rest.length > 0 && !entry.takesMore)) continue;
      if (rest.length > entry.page.params.length || rest.includes('')) continue;
      return bind(entry.page, rest, new URLSearchParams(query));
    }
    return { kind: 'none' };
  }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function bind(page: PageDescription, segments: readonly string[], query: URLSearchParams): PageMatch {
  const args: string[] = [];
  for (const [at, { name, type }] of page.params.entries()) {
    const text = query.get(name) ?? segments[at];
    const json = text === undefined ? 'null' : toJson(text, type);
    if (json === undefined) return { kind: 'bad', message: `parameter '${name}': expected ${plain(type)}` };
    args.push(json);
  }
  return { kind: 'page', page, args: `[${args.join(',')}]` };
}

/** Without `optional(…)`. */
function plain(type: string): string {
  return /^optional\((.*)\)$/.exec(type)?.[1] ?? type;
}

const NUMBER = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The text of a parameter as its type asks for it; undefined if it does not convert. */
function toJson(text: string, type: string): string | undefined {
  switch (plain(type)) {
    case 'number': {
      const value = Number(text);
      return NUMBER.test(text) && Number.isFinite(value) ? JSON.stringify(value) : undefined;
    }
    case 'bool':
      return text === 'true' || text === 'false' ? text : undefined;
    case 'datetime': {
      const instant = parseIso(text);
      return instant && JSON.stringify({ _type: 'datetime', value: isoText(instant) });
    }
    default:
      return JSON.stringify(text);
  }
}
