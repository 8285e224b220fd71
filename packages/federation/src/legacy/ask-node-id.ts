// Who answers at an address of which only the host is known. Not by `fetch`, which refuses some ports on which a node may well be.
// Source: legacy-p2p.md §2.3, cli.md §3.

import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isNodeId, P2P_LIMITS } from '@relay/protocol';
import type { P2pAddress } from './p2p-address.ts';
import { P2pUnauthorized } from './p2p-dialler.ts';

const PATH = '/registry/health';
/** The answer of a node is a tenth of that. */
const ANSWER_BYTES = 65_536;

export interface AskOptions {
  readonly token: string | undefined;
  /** That of the system by default. */
  readonly lookup: LookupFunction | undefined;
}

/** The `node_id` of `/registry/health`. Follows no redirect. */
export async function askNodeId(peer: P2pAddress, options: AskOptions): Promise<string> {
  const { status, body } = await get(peer, options);
  if (status === 401) throw new P2pUnauthorized(`HTTP 401 from ${PATH}`);
  if (status !== 200) throw new Error(`HTTP ${status} from ${PATH}`);
  const id = nodeIdIn(body);
  if (id === undefined) throw new Error(`${PATH} names no node_id`);
  return id;
}

function nodeIdIn(body: string): string | undefined {
  try {
    const { node_id: id } = JSON.parse(body) as { readonly node_id?: unknown };
    return typeof id === 'string' && isNodeId(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function get(
  { address, isSecure }: P2pAddress,
  { token, lookup }: AskOptions,
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = {
    agent: false,
    signal: AbortSignal.timeout(P2P_LIMITS.dialMs),
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(lookup === undefined ? {} : { lookup }),
  } as const;
  const url = `${isSecure ? 'https' : 'http'}://${address}${PATH}`;
  const request = (isSecure ? getSecure : getPlain)(url, options, (answer) => {
    let body = '';
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => {
      body += text;
      if (body.length > ANSWER_BYTES) request.destroy(new Error(`the answer of ${PATH} is too long`));
    });
    answer.on('error', reject);
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
  });
  request.on('error', reject);
  return promise;
}
