// A service says that it is not well: it stays known, at its own Main and at peers, and calls go to other instances.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { type RelayNode, systemClock } from '@relay/federation';
import { defineService, loadRelayProgram, startProgram, type TypeScriptService } from '@relay/host';
import { waitFor } from '@relay/testkit';
import { scratchFolder, startNode } from './running-nodes.ts';

async function home(nodeId: string, main: RelayNode): Promise<TypeScriptService> {
  const service = defineService('where', { am_i: { params: [], effect: 'reads', run: () => nodeId } });
  const url = `${main.url.replace('http', 'ws')}/ws/federation`;
  const node = await startNode({ nodeType: 'home', nodeId, services: [service], urls: [url] });
  service.connect({
    clock: systemClock,
    nodeId: () => nodeId,
    outbound: node.outbound,
    onHealth: () => node.setServices([service]),
  });
  return service;
}

interface Entry {
  readonly node_id: string;
  readonly is_healthy: boolean;
}

it('a service that reports itself unhealthy gets no calls until it reports otherwise', async () => {
  const a = await startNode({ nodeType: 'main', nodeId: 'relay-a' });
  const peers = [`${a.url.replace('http', 'ws')}/ws/peers`];
  const b = await startNode({ nodeType: 'main', nodeId: 'relay-b', peers });
  const [one, two] = [await home('one.home', a), await home('two.home', a)];

  const healthy = async (main: RelayNode, part: 'local' | 'federated'): Promise<readonly string[]> => {
    const answer = (await (await fetch(`${main.url}/federation/registry`)).json()) as Record<string, unknown>;
    const entries = answer[part] as readonly Entry[];
    return entries.filter(({ is_healthy }) => is_healthy).map(({ node_id }) => node_id);
  };
  const bothSee = (ids: readonly string[]): Promise<void> =>
    waitFor(
      async () =>
        JSON.stringify([await healthy(a, 'local'), await healthy(b, 'federated')]) ===
        JSON.stringify([ids, ids]),
      { what: `both Mains to see ${ids.join(' and ') || 'nobody'} well` },
    );
  const ask = async (main: RelayNode): Promise<unknown> => {
    const response = await fetch(`${main.url}/rpc`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', method: 'where.am_i', id: 1 }),
    });
    const { result, error } = (await response.json()) as {
      readonly result?: unknown;
      readonly error?: { readonly data: { readonly code: string; readonly executed: string } };
    };
    return result ?? [error?.data.code, error?.data.executed];
  };
  const answers = async (): Promise<readonly unknown[]> => {
    const found = new Set<unknown>();
    for (let call = 0; call < 6; call += 1) found.add(await ask(call % 2 === 0 ? a : b));
    return [...found].toSorted();
  };

  await bothSee(['one.home', 'two.home']);
  assert.deepEqual(await answers(), ['one.home', 'two.home']);
  one.reportHealth(false);
  await bothSee(['two.home']);
  assert.deepEqual(await answers(), ['two.home']);
  two.reportHealth(false);
  await bothSee([]);
  assert.deepEqual(await ask(a), ['no_healthy_instance', 'no']);
  assert.deepEqual(await ask(b), ['no_healthy_instance', 'no']);
  one.reportHealth(true);
  await bothSee(['one.home']);
  assert.deepEqual(await answers(), ['one.home']);
});

const DESK = `server desk {
  state { asked: number = 0 }
  receive fn ask() { state.set("asked", state.asked + 1) }
  receive fn mend(well: bool) { report_health(well) }
  receive fn fail() { report_health(false)  throw "no paper" }
}
`;

it('a server of a Relay program reports its health, also in a message that fails, and can be asked by address', async () => {
  const main = await startNode({ nodeType: 'main', nodeId: 'relay-desk' });
  const file = path.join(scratchFolder, 'desk.rl');
  writeFileSync(file, DESK);
  const loaded = loadRelayProgram(file);
  assert.ok(loaded.ok);
  const nodeId = 'desk.home';
  let node: RelayNode | undefined;
  await using running = Object.assign(
    await startProgram(loaded.program, {
      clock: systemClock,
      nodeId: () => nodeId,
      print: () => {},
      log: () => {},
      onServicesChanged: (services) => node?.setServices(services),
    }),
    { [Symbol.asyncDispose]: (): Promise<void> => running.close() },
  );
  const urls = [`${main.url.replace('http', 'ws')}/ws/federation`];
  node = await startNode({ nodeType: 'home', nodeId, services: running.services, urls });

  const codeOf = async (method: string, args: readonly unknown[], to: object): Promise<unknown> => {
    const params = { ...to, method, args };
    const response = await fetch(`${main.url}/rpc`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 }),
    });
    const { error } = (await response.json()) as { readonly error?: { readonly data: { code: string } } };
    return error?.data.code;
  };
  const byName = { service_name: 'desk' };
  const byAddress = { node_id: nodeId, server_name: 'desk' };
  const untilAskGives = (code: string | undefined): Promise<void> =>
    waitFor(async () => (await codeOf('ask', [], byName)) === code, { what: `${code ?? 'an answer'}` });

  await untilAskGives(undefined);
  assert.equal(await codeOf('fail', [], byName), 'application_error');
  await untilAskGives('no_healthy_instance');
  assert.equal(await codeOf('ask', [], byAddress), undefined);
  assert.equal(await codeOf('mend', [true], byAddress), undefined);
  await untilAskGives(undefined);
});
