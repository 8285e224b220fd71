import { createServer } from 'node:net';

const FIRST = 15_000;
const COUNT = 15_000;
/** Processes that run side by side have numbers near each other: each begins with a block of its own. */
const BLOCK = 16;
let next = process.pid * BLOCK;

/**
 * A port of the loopback address that was free a moment ago, for programs that cannot say which one they were given.
 * Not from the range that systems give to outgoing connections, which could take it before its program does.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries += 1) {
    const port = FIRST + (next % COUNT);
    next += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer().once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
