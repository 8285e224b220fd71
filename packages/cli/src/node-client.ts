// The node that `call`, `status` and `circuits` ask: where it is, the credential, and what it means that nobody answers.

import type { CommandContext } from './context.ts';
import { readNodeEnvironment, readSecret } from './environment.ts';
import { type JsonAnswer, requestJson, Unreachable } from './http-client.ts';
import { httpUrl, invalidUrlText } from './url.ts';
import { CommandFailure, usageError } from './usage.ts';

export const EXIT_UNREACHABLE = 4;
const DEFAULT_NODE = 'http://127.0.0.1:8080';

export interface NodeClient {
  readonly url: string;
  get(path: string, timeoutMs?: number): Promise<JsonAnswer>;
  post(path: string, body: unknown, timeoutMs: number): Promise<JsonAnswer>;
}

/** Throws a usage error for an address that is none. Requests throw a CommandFailure with exit code 4 if nobody answers. */
export function nodeClient(
  main: string | undefined,
  context: CommandContext,
  /** Shown instead of RELAY_API_TOKEN if it is set. */
  secret?: 'RELAY_ADMIN_TOKEN',
): NodeClient {
  const fromEnvironment = context.env['RELAY_MAIN']?.trim();
  const text = main ?? (fromEnvironment || DEFAULT_NODE);
  const url = httpUrl(text);
  if (url === undefined) throw usageError(invalidUrlText(text, main === undefined ? 'RELAY_MAIN' : '--main'));
  const { resolve } = readNodeEnvironment(context.env).value;
  const special = secret === undefined ? undefined : readSecret(context.env, secret);
  const token = special ?? readSecret(context.env, 'RELAY_API_TOKEN');
  const request = async (path: string, body: unknown, timeoutMs: number): Promise<JsonAnswer> => {
    try {
      return await requestJson({ url: url + path, body, token, timeoutMs, resolve });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new CommandFailure(`cannot reach ${url}: ${error.message}`, EXIT_UNREACHABLE);
    }
  };
  return {
    url,
    get: (path, timeoutMs = 5_000) => request(path, undefined, timeoutMs),
    post: (path, body, timeoutMs) => request(path, body, timeoutMs),
  };
}
