// Servers of NATS in the shapes that stand for a federation: two gateways, and a hub with a leaf node at each end.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '@relay/testkit';
import { type BenchProcess, startServer } from '../processes.ts';
import { NATS_SERVER_ENV } from './installed.ts';

export interface NatsServer {
  readonly process: BenchProcess;
  readonly url: string;
}

export async function startNats(name: string, config = ''): Promise<NatsServer> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'relay-bench-nats-'));
  const file = path.join(folder, 'nats.conf');
  writeFileSync(
    file,
    `server_name: "${name.replaceAll(' ', '-')}"\nlisten: "127.0.0.1:${port}"\n${config}\n`,
  );
  const process = await startServer(name, 'nats-server', ['-c', file], port, NATS_SERVER_ENV);
  rmSync(folder, { recursive: true });
  return { process, url: `127.0.0.1:${port}` };
}

/** Clusters `a` and `b` of one server each, which know each other as gateways. */
export async function startGateways(): Promise<readonly [NatsServer, NatsServer]> {
  const portA = await freePort();
  const portB = await freePort();
  const gateway = (self: string, port: number, other: string, otherPort: number): string =>
    `gateway { name: "${self}", listen: "127.0.0.1:${port}", ` +
    `gateways: [{ name: "${other}", url: "nats://127.0.0.1:${otherPort}" }] }`;
  return [
    await startNats('gateway A', gateway('a', portA, 'b', portB)),
    await startNats('gateway B', gateway('b', portB, 'a', portA)),
  ];
}

/** A leaf node for the caller, the hub that both leaf nodes dial, a leaf node for the service. */
export async function startLeaves(): Promise<readonly [NatsServer, NatsServer, NatsServer]> {
  const port = await freePort();
  const hub = await startNats('hub', `leafnodes { listen: "127.0.0.1:${port}" }`);
  const remote = `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`;
  return [await startNats('leaf A', remote), hub, await startNats('leaf B', remote)];
}
