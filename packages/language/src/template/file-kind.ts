// What the ending of a template's file decides: how values are written, and the type of the answer.

/** `markup`: escaped for HTML and XML; `json`: as JSON; `text`: as `string()`. */
export type PageKind = 'markup' | 'json' | 'text';

const TYPES: Readonly<Record<string, readonly [kind: PageKind, type: string]>> = {
  html: ['markup', 'text/html'],
  htm: ['markup', 'text/html'],
  xhtml: ['markup', 'application/xhtml+xml'],
  xml: ['markup', 'application/xml'],
  svg: ['markup', 'image/svg+xml'],
  rss: ['markup', 'application/rss+xml'],
  atom: ['markup', 'application/atom+xml'],
  json: ['json', 'application/json'],
  jsonld: ['json', 'application/ld+json'],
  geojson: ['json', 'application/geo+json'],
  webmanifest: ['json', 'application/manifest+json'],
  css: ['text', 'text/css'],
  csv: ['text', 'text/csv'],
  ics: ['text', 'text/calendar'],
  js: ['text', 'text/javascript'],
  mjs: ['text', 'text/javascript'],
  md: ['text', 'text/markdown'],
};

function entryOf(path: string): readonly [PageKind, string] {
  const ending = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(TYPES, ending) ? TYPES[ending]! : ['text', 'text/plain'];
}

export function pageKind(path: string): PageKind {
  return entryOf(path)[0];
}

export function pageType(path: string): string {
  return `${entryOf(path)[1]}; charset=utf-8`;
}
