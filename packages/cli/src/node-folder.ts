// Finds the folders of nodes that exist here, for commands that run beside a node on its machine. They take no lock: the node may be
// running. cli.md §5.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CommandFailure } from './usage.ts';

export interface FoundNode {
  readonly nodeId: string;
  readonly path: string;
}

/** The nodes below `dataDir` whose folder has this file. */
export function nodesWith(file: string, dataDir: string): readonly FoundNode[] {
  if (!existsSync(dataDir)) return [];
  return readdirSync(dataDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(dataDir, entry.name))
    .filter((folder) => existsSync(path.join(folder, file)))
    .map((folder) => ({ nodeId: nodeIdOf(folder), path: folder }))
    .toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}

/** The one Main Relay of this machine, or the one that is named. */
export function theMain(file: string, dataDir: string, nodeId: string | undefined): FoundNode {
  const mains = nodesWith(file, dataDir);
  const fitting = nodeId === undefined ? mains : mains.filter((main) => main.nodeId === nodeId);
  const [main] = fitting;
  if (main !== undefined && fitting.length === 1) return main;
  if (fitting.length > 1) {
    const ids = fitting.map((each) => each.nodeId).join(', ');
    throw new CommandFailure(`several Main Relays have run here: ${ids}; say which with --node-id ID`);
  }
  const what = nodeId === undefined ? 'no Main Relay has' : `no Main Relay ${nodeId} has`;
  throw new CommandFailure(
    `${what} run with the data directory ${dataDir}; start it once, or set RELAY_DATA_DIR to where it keeps its key`,
  );
}

function nodeIdOf(folder: string): string {
  const file = path.join(folder, 'node-id');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : path.basename(folder);
}
