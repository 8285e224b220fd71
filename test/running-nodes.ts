// Nodes in the process of a test, each on a free port with a folder of its own. They end, the last one first, with the file that uses them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { holdPort, type RelayNode, type RelayOptions, startRelay } from '@relay/federation';
import { SILENT_LOG } from '../packages/federation/src/observe/log.ts';

const root = mkdtempSync(path.join(tmpdir(), 'relay-nodes-'));
const nodes: RelayNode[] = [];
after(async () => {
  for (const node of nodes.toReversed()) await node.stop();
  rmSync(root, { recursive: true, force: true });
});

/** For files of this test that are not a node's own. */
export const scratchFolder = root;

export async function startNode(
  options: Pick<RelayOptions, 'nodeType' | 'nodeId'> & Partial<RelayOptions>,
): Promise<RelayNode> {
  const node = await startRelay({
    version: 'test',
    port: await holdPort({ host: '127.0.0.1', port: 0 }),
    folder: path.join(root, options.nodeId),
    services: [],
    drainMs: 0,
    log: SILENT_LOG,
    events: { emit: () => {} },
    ...options,
  });
  nodes.push(node);
  node.connect();
  return node;
}
