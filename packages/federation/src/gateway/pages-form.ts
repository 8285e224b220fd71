// `POST /api/FN`: what a form or a JSON body says, as arguments by name. Pure decisions; pages.ts turns them into calls and answers.

import type { IncomingMessage } from 'node:http';
import type { ParameterDescription } from '@relay/protocol';

export type FormBody =
  | { readonly kind: 'arguments'; readonly json: string }
  | { readonly kind: 'bad'; readonly message: string };

/** `type` is the media type of the request. What begins with a brace is JSON whatever that says: plain `curl -d` sends a form type. */
export function readForm(
  body: Uint8Array | undefined,
  type: string,
  params: readonly ParameterDescription[],
): FormBody {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body ?? new Uint8Array());
  } catch {
    return { kind: 'bad', message: 'the body is not UTF-8' };
  }
  if (/^multipart\//i.test(type)) {
    return { kind: 'bad', message: 'multipart forms are not supported: leave out the enctype of the form' };
  }
  if (/^\s*\{/.test(text)) return isJson(text) ? { kind: 'arguments', json: text } : NOT_JSON;
  if (isJsonType(type) && text.trim() !== '') return NOT_JSON;
  return { kind: 'arguments', json: fieldsToJson(new URLSearchParams(text), params) };
}

const NOT_JSON: FormBody = { kind: 'bad', message: 'the body is not a JSON object' };

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Each field as the type of its parameter asks for it; what does not convert is left as text, and refused when it is bound. */
function fieldsToJson(fields: URLSearchParams, params: readonly ParameterDescription[]): string {
  const entries: string[] = [];
  for (const name of new Set(fields.keys())) {
    const type = /^optional\((.*)\)$/.exec(typeOf(name, params))?.[1] ?? typeOf(name, params);
    const texts = fields.getAll(name);
    const element = /^\[(.*)\]$/.exec(type)?.[1];
    const value =
      element === undefined
        ? toJson(texts[0] ?? '', type)
        : `[${texts.map((text) => toJson(text, element) ?? 'null').join(',')}]`;
    // An input that was left empty says nothing, unless nothing is a text.
    if (value !== undefined) entries.push(`${JSON.stringify(name)}:${value}`);
  }
  return `{${entries.join(',')}}`;
}

function typeOf(name: string, params: readonly ParameterDescription[]): string {
  return params.find((param) => param.name === name)?.type ?? 'any';
}

const NUMBER = /^-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;

function toJson(text: string, type: string): string | undefined {
  if (text === '' && (type === 'number' || type === 'bool' || type === 'datetime')) return undefined;
  if (type === 'number' && NUMBER.test(text) && Number.isFinite(Number(text))) {
    return JSON.stringify(Number(text));
  }
  // A checkbox without a value sends `on`.
  if (type === 'bool' && (text === 'true' || text === 'on')) return 'true';
  if (type === 'bool' && text === 'false') return 'false';
  return JSON.stringify(text);
}

/** As it came: the gateway takes the header away before a request is read. */
export function mediaTypeOf({ rawHeaders }: IncomingMessage): string {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === 'content-type') return rawHeaders[at + 1]!.trim();
  }
  return '';
}

function isJsonType(type: string): boolean {
  return /^application\/json\s*(?:;|$)/i.test(type);
}

/** A page of another site can send a form anywhere without asking. JSON it can send only after a preflight, which is not answered. */
export function isForeignForm(request: IncomingMessage): boolean {
  if (isJsonType(mediaTypeOf(request))) return false;
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  if (site === 'cross-site') return true;
  return origin !== undefined && hostOf(origin) !== host?.toLowerCase();
}

/** Where a browser goes after its form: back to the page it came from, if that is one of this node. */
export function redirectOf({ headers }: IncomingMessage): string {
  const { referer, host } = headers;
  if (referer === undefined || hostOf(referer) !== host?.toLowerCase()) return '/';
  const { pathname, search } = new URL(referer);
  // Two slashes would begin the name of another host.
  return pathname.replace(/^\/+/, '/') + search;
}

function hostOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host } = new URL(url);
  return protocol === 'http:' || protocol === 'https:' ? host : undefined;
}
