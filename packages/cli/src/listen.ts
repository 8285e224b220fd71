// Opens the port of a node. "Kill, start again" must work while the old process still drains, so a busy port is waited for a moment.

import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldPort, holdPort } from '@relay/federation';
import { CommandFailure } from './usage.ts';

const WAIT_MS = 5_000;
const POLL_MS = 100;

export interface OpenedPort {
  readonly port: HeldPort;
  /** Another process had it: its folder may be free a moment later too. */
  readonly hasWaited: boolean;
}

export async function openPort(
  host: string,
  port: number,
  note: (text: string) => void,
  waitMs = WAIT_MS,
): Promise<OpenedPort> {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const deadline = Date.now() + waitMs;
  let hasWaited = false;
  for (;;) {
    try {
      return { port: await holdPort({ host, port }), hasWaited };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code !== 'EADDRINUSE')
        throw new CommandFailure(`cannot listen on ${place}: ${REASONS[code] ?? reason(error)}`);
      if (Date.now() >= deadline) {
        const next = port < 65_535 ? port + 1 : port - 1;
        throw new CommandFailure(`cannot listen on ${place}: address already in use (try -port ${next})`);
      }
      if (!hasWaited) note(`waiting for ${place} to become free`);
      hasWaited = true;
      await sleep(POLL_MS);
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name not found',
};

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
