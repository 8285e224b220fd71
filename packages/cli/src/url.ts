// What a person writes as an address of a node becomes one full WebSocket URL. Pure; the forms and texts are those of cli.md §3.

/** Where the URL leads: to the Main of a Home, or to a peer of a Main. */
export type UrlUse = 'main' | 'peer';

const PATHS = { main: '/ws/federation', peer: '/ws/peers' } as const;
const SCHEMES: Readonly<Record<string, { readonly scheme: string; readonly port: string }>> = {
  'ws:': { scheme: 'ws', port: '80' },
  'http:': { scheme: 'ws', port: '80' },
  'wss:': { scheme: 'wss', port: '443' },
  'https:': { scheme: 'wss', port: '443' },
};
/** Written without a scheme, the port is that of a Main Relay. */
const RELAY_PORT = '8080';

export type UrlResult = { readonly ok: true; readonly url: string } | { readonly ok: false };

/** The URL to dial, or `ok: false` for anything that is none. */
export function normalizeUrl(text: string, use: UrlUse): UrlResult {
  if (/[\s?#\\]/.test(text)) return { ok: false };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === 'dns') return use === 'peer' ? normalizeDns(text) : { ok: false };
  const parsed = parse(scheme === undefined ? `ws://${text}` : text);
  const known = parsed === undefined ? undefined : SCHEMES[parsed.protocol];
  if (parsed === undefined || known === undefined || parsed.hostname === '') return { ok: false };
  if (parsed.username !== '' || parsed.password !== '' || parsed.port === '0' || text.includes('@'))
    return { ok: false };
  // The URL class drops a port that is the scheme's own, so `:80` has to be told from no port at all.
  const port = writtenPort(text) ?? (scheme === undefined ? RELAY_PORT : known.port);
  const path = parsed.pathname === '/' || parsed.pathname === '' ? PATHS[use] : parsed.pathname;
  return { ok: true, url: `${known.scheme}://${parsed.hostname}:${port}${path}` };
}

export function invalidUrlText(text: string, option: string): string {
  return `invalid URL "${text}" for ${option}: use ws://, wss://, http://, https:// or HOST:PORT`;
}

/** The HTTP address of a node for `relay call` and `relay status`: any form a node may be written in. */
export function httpUrl(text: string): string | undefined {
  const result = normalizeUrl(text, 'main');
  if (!result.ok) return undefined;
  const { protocol, host } = new URL(result.url);
  return `${protocol === 'wss:' ? 'https' : 'http'}://${host}`;
}

function normalizeDns(text: string): UrlResult {
  const match = /^dns:\/\/([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)(?::(\d{1,5}))?\/?$/i.exec(text);
  if (match === null) return { ok: false };
  const [, name = '', port] = match;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return { ok: false };
  return { ok: true, url: `dns://${name.toLowerCase()}${port === undefined ? '' : `:${Number(port)}`}` };
}

function writtenPort(text: string): string | undefined {
  const authority = text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').split('/', 1)[0] ?? '';
  const digits = /:(\d+)$/.exec(authority)?.[1];
  return digits === undefined ? undefined : String(Number(digits));
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
