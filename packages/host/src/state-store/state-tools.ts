// The state of a stopped node as text, for people: `relay state`. Knows no structs, so a struct is the object with `_type` that
// stands for it; the program that reads it back makes it a struct again.

import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fromJsonText, ObjectValue, toJsonText, typedObject, type Value } from '@relay/language';
import { ROOT, STATE_FILE, StateFile } from './state-file.ts';
import { StateUnreadable, type ValueCodec } from './state-store.ts';
import { StoredTree } from './stored-tree.ts';

const FORMAT_KEY = 'relay_state';
const FORMAT = 1;

const CODEC: ValueCodec = {
  encode: (value) => toJsonText(value, { tagged: true }),
  decode: (text) => fromJsonText(text, { tagged: true }),
  revive: (object) => typedObject(object, new Map(), true),
};

/** Servers with their fields, in the order of their first commit. Undefined: nothing is stored in the folder. */
export function readState(folder: string): Map<string, ReadonlyMap<string, Value>> | undefined {
  if (!existsSync(path.join(folder, STATE_FILE))) return undefined;
  return withTree(folder, (tree) => {
    const root = tree.readNamed(ROOT, true);
    return new Map(
      [...root.entries].map(([name, { value }]) => {
        const server = tree.readNamed(value as number);
        return [name, new Map([...server.entries].map(([field, entry]) => [field, entry.value]))];
      }),
    );
  });
}

/** JSON of language.md §18 in the tagged form, one field a line. `only`: this server and no other. */
export function exportState(folder: string, only?: string): string | undefined {
  const state = readState(folder);
  if (state === undefined) return undefined;
  const servers = [...state]
    .filter(([name]) => only === undefined || name === only)
    .map(([name, fields]) => {
      const lines = [...fields].map(
        ([field, value]) => `      ${JSON.stringify(field)}: ${CODEC.encode(value)}`,
      );
      return `    ${JSON.stringify(name)}: ${lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n    }`}`;
    });
  const body = servers.length === 0 ? '{}' : `{\n${servers.join(',\n')}\n  }`;
  return `{\n  "${FORMAT_KEY}": ${FORMAT},\n  "servers": ${body}\n}\n`;
}

/** Puts the servers of an exported text in the place of those of the same name, all or none. Returns their names. */
export function importState(folder: string, text: string): string[] {
  const read = CODEC.decode(text);
  const servers = read instanceof ObjectValue ? read.get('servers') : undefined;
  if (
    !(read instanceof ObjectValue) ||
    read.get(FORMAT_KEY) !== FORMAT ||
    !(servers instanceof ObjectValue)
  ) {
    throw new StateUnreadable(
      `this is no exported state: expected {"${FORMAT_KEY}": ${FORMAT}, "servers": {…}}`,
    );
  }
  for (const [name, fields] of servers.entries()) {
    if (!(fields instanceof ObjectValue)) {
      throw new StateUnreadable(`server '${name}' must be an object with a value for each state field`);
    }
  }
  withTree(folder, (tree, file) => {
    const root = tree.readNamed(ROOT, true);
    for (const [name, fields] of servers.entries()) {
      tree.removeNamed(root, name);
      const server = tree.addNamed(root, name);
      tree.updateNamed(server, fields as ObjectValue);
      // A server without fields has no change of its own that would write its node.
      if (server.entries.size === 0) tree.touch(server);
    }
    file.commit(tree.takeWrites());
  });
  return [...servers.keys()];
}

/** Forgets one server, or all. False: there is nothing to forget. All can be forgotten even if the file is damaged. */
export function resetState(folder: string, only?: string): boolean {
  const file = path.join(folder, STATE_FILE);
  if (!existsSync(file)) return false;
  if (only === undefined) {
    for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true });
    return true;
  }
  return withTree(folder, (tree, opened) => {
    const root = tree.readNamed(ROOT, true);
    if (!root.entries.has(only)) return false;
    tree.removeNamed(root, only);
    // What is forgotten did not happen, so a call that is asked again runs again.
    opened.commit([...tree.takeWrites(), { kind: 'forget-outcomes', service: only }]);
    return true;
  });
}

function withTree<T>(folder: string, run: (tree: StoredTree, file: StateFile) => T): T {
  const file = new StateFile(folder, 'full');
  try {
    return run(new StoredTree(file, CODEC), file);
  } finally {
    file.close();
  }
}
