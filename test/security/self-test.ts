// Shows that the attacks find what they look for: they are run against a server with one planted defect after the other, and against
// the same server without any.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attackAdmin, attackTokens } from './admin-attacks.ts';
import { attackHttp } from './http-attacks.ts';
import { attackRpc } from './rpc-attacks.ts';
import type { Target } from './target.ts';
import type { Row } from './verdict.ts';

interface Defect {
  readonly what: string;
  /** Of the row in which it has to be found. */
  readonly attack: string;
  readonly finding: RegExp;
  /** True if it has dealt with the request. */
  readonly plant: (request: IncomingMessage, response: ServerResponse, body: string) => boolean;
  readonly run: (target: Target) => Promise<readonly Row[]>;
  /** The defect is in what the attack is given, not in the server: there is nothing without it. */
  readonly isInTable?: boolean;
}

const answer = (response: ServerResponse, status: number, body: string, headers = {}): true => {
  response
    .writeHead(status, { 'content-length': Buffer.byteLength(body), connection: 'close', ...headers })
    .end(body);
  return true;
};

const DEFECTS: readonly Defect[] = [
  {
    what: 'a route that throws on an odd body',
    attack: 'sizes, depths',
    finding: /answered 500/,
    plant: ({ url }, response, body) =>
      url === '/planted' && body === 'null' && answer(response, 500, '{"error":{}}'),
    run: attackHttp,
  },
  {
    what: 'a 503 that does not say when to come back',
    attack: 'queries',
    finding: /503 without a Retry-After/,
    plant: ({ url }, response) => url?.includes('limit=-1') === true && answer(response, 503, '{}'),
    run: attackHttp,
  },
  {
    what: 'an answer that shows the stack',
    attack: 'paths',
    finding: /tells of the code/,
    plant: ({ url }, response) =>
      url?.includes('%2f') === true &&
      answer(response, 400, 'Error: x\n    at read (/srv/relay/read.js:10:5)'),
    run: attackHttp,
  },
  {
    what: 'a node that stands still for a while',
    attack: 'meanwhile',
    finding: /\/live answered 200 after/,
    plant: ({ url }) => {
      if (url?.includes('NaN') !== true || standing) return false;
      standing = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
      return false;
    },
    run: attackHttp,
  },
  {
    what: 'an admin endpoint that pages of other sites reach',
    attack: 'other sites',
    finding: /POST \/federation\/log from .*answered 200/,
    plant: ({ url, method }, response) =>
      url === '/federation/log' && method === 'POST' && answer(response, 200, '{}'),
    run: attackHttp,
  },
  {
    what: 'a new admin endpoint that nobody described',
    attack: 'admin by schema',
    finding: /POST \/planted: changes the node, and no schema/,
    plant: () => false,
    isInTable: true,
    run: async (target) => {
      const planted = { method: 'POST', path: '/planted', isAdmin: true, isPublic: false };
      return [await attackAdmin({ ...target, endpoints: [planted] })];
    },
  },
  {
    what: 'an endpoint that asks nobody for a token',
    attack: 'tokens',
    finding: /without a token: answered 200/,
    plant: ({ url }, response) => url === '/planted' && answer(response, 200, '{}'),
    run: async (target) => [await attackTokens(target, 'a', 'b')],
  },
  {
    what: 'an internal error for a call',
    attack: 'remote_call',
    finding: /internal error/,
    plant: (_, response, body) =>
      body.includes('"trace"') &&
      answer(
        response,
        200,
        '{"jsonrpc":"2.0","error":{"code":-32603,"data":{"code":"internal_error"}},"id":1}',
      ),
    run: attackRpc,
  },
];

let standing = false;

/** Resolves with the exit code. */
export async function selfTest(
  watched: (target: Target, attack: () => Promise<readonly Row[]>) => Promise<readonly Row[]>,
): Promise<number> {
  const missed: string[] = [];
  const clean = new Map<Defect['run'], readonly Row[]>();
  const attack = async (plant: Defect['plant'], run: Defect['run']): Promise<readonly Row[]> => {
    await using server = await stub(plant);
    // Awaited here: the server ends with this function.
    return await watched(server.target, () => run(server.target));
  };
  for (const defect of DEFECTS) {
    const { what, plant, run, isInTable = false } = defect;
    if (!clean.has(run) && !isInTable) clean.set(run, await attack(() => false, run));
    const isRight = isFound(defect, await attack(plant, run)) && !isFound(defect, clean.get(run) ?? []);
    console.log(`${isRight ? 'found' : 'MISSED'}: ${what}`);
    if (!isRight) missed.push(what);
  }
  console.log(
    missed.length === 0
      ? `passed: ${DEFECTS.length} planted defects were found`
      : `FAILED: ${missed.length} missed`,
  );
  return missed.length === 0 ? 0 : 1;
}

function isFound({ attack, finding }: Defect, rows: readonly Row[]): boolean {
  return rows.some((row) => row.attack === attack && row.findings.some((text) => finding.test(text)));
}

/** A server that says 400 to everything but `/live`, and what is planted. */
async function stub(plant: Defect['plant']): Promise<AsyncDisposable & { readonly target: Target }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/live') answer(response, 200, '{"status":"alive"}');
      else if (!plant(request, response, Buffer.concat(chunks).toString('latin1')))
        answer(response, 400, '{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const target: Target = {
    name: 'stub',
    role: 'main',
    host: '127.0.0.1',
    port,
    endpoints: [
      { method: 'GET', path: '/listed', isAdmin: false, isPublic: false },
      { method: 'POST', path: '/planted', isAdmin: false, isPublic: false },
      { method: 'POST', path: '/federation/log', isAdmin: true, isPublic: false },
    ],
    pid: undefined,
    death: () => undefined,
  };
  return {
    target,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
