// One HTTP exchange byte by byte, since a client library would not send most of what is sent here.

import { connect, type Socket } from 'node:net';

/** A page of another site. */
export const EVIL = 'http://evil.example';
export const JSON_HEADER = 'Content-Type: application/json';
/** A call that every node answers. */
export const CALL = '{"jsonrpc":"2.0","method":"rpc.discover","id":1}';

export interface Reply {
  /** 0: the connection ended, or the time was up, without an answer. */
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly isClosed: boolean;
  readonly ms: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const ANSWER_MS = 10_000;

/** Sends `bytes` and reads one answer. Never rejects: what a node does to a stranger is what is looked at. */
export function exchange(address: Address, bytes: string | Buffer, limitMs = ANSWER_MS): Promise<Reply> {
  const began = performance.now();
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const socket = connect(address);
  let received: Buffer = Buffer.alloc(0);
  const end = (isClosed: boolean): void => {
    clearTimeout(timer);
    socket.destroy();
    resolve({ ...parseReply(received), isClosed, ms: performance.now() - began });
  };
  const timer = setTimeout(() => end(false), limitMs);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (isComplete(received)) end(false);
  });
  socket.on('error', () => {});
  socket.on('close', () => end(true));
  socket.on('connect', () => socket.write(bytes));
  return promise;
}

/** A request with the headers that every one needs; `headers` are lines. */
export function request(
  { host, port }: Address,
  method: string,
  path: string,
  { headers = [], body = '' }: { readonly headers?: readonly string[]; readonly body?: string | Buffer } = {},
): Buffer {
  const bytes = Buffer.from(body);
  const length = bytes.length > 0 || method === 'POST' ? [`Content-Length: ${bytes.length}`] : [];
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    'Connection: close',
    ...length,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]);
}

/** A connection that stays, for what takes its time; destroyed already if the node does not take it. */
export function openSocket(address: Address): Promise<Socket> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const socket = connect(address, () => resolve(socket));
  socket.on('error', () => {
    socket.destroy();
    resolve(socket);
  });
  return promise;
}

export function parseReply(bytes: Buffer): Pick<Reply, 'status' | 'headers' | 'body'> {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return { status: 0, headers: new Map(), body: '' };
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0);
  return { status, headers, body: bytes.subarray(end + 4).toString('utf8') };
}

/** Only answers with a length end before their connection does; what else there is waits for that. */
function isComplete(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.subarray(0, end).toString('latin1'))?.[1];
  return length !== undefined && bytes.length >= end + 4 + Number(length);
}
