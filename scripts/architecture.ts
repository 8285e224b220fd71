// Who may import whom, and who may ask the machine for time and chance. The tables here are the architecture; ARCHITECTURE.md
// explains them. Prints what is forbidden and fails if there is any.

import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Packages, and the packages that each may import. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  language: [],
  host: ['language', 'protocol'],
  federation: ['protocol'],
  client: ['protocol'],
  dashboard: ['client', 'protocol'],
  cli: ['protocol', 'language', 'host', 'federation', 'client'],
  testkit: ['protocol'],
};

/** Packages that must run anywhere: no Node.js built-ins, no third-party code. */
export const PURE: ReadonlySet<string> = new Set(['protocol', 'language', 'client']);

interface Rooms {
  /** Files of `src` itself that put the rooms together; they import everything, and no room imports them. */
  readonly roots: readonly string[];
  /**
   * For each folder of `src` what it may import beside itself and the other files of `src`: `room`, `room/file.ts`, or
   * `types:room` for types only.
   */
  readonly rooms: Readonly<Record<string, readonly string[]>>;
}

/** Folders inside a package. One that is missing here may not exist; a package that is missing has no such rules yet. */
export const ROOMS: Readonly<Record<string, Rooms>> = {
  language: {
    roots: ['index.ts', 'program.ts'],
    rooms: {
      syntax: [],
      format: ['syntax'],
      run: ['types:check/service-interface.ts'],
      // Of the run time only what judges values, so that checker and program never differ on them.
      check: [
        ...['syntax', 'run/builtins', 'run/type.ts', 'types:run'],
        ...['run/fit.ts', 'run/resolve-type.ts', 'run/pattern.ts', 'run/datetime.ts', 'run/value.ts'],
      ],
      compile: ['syntax', 'check', 'run', 'template'],
      template: ['syntax', 'run'],
      assist: ['syntax', 'check', 'run/builtins', 'run/type.ts', 'types:run'],
    },
  },
  federation: {
    roots: [
      'index.ts',
      'relay.ts',
      'main-node.ts',
      'home-node.ts',
      'p2p-node.ts',
      'gateway-ports.ts',
      'node-figures.ts',
      'watching.ts',
    ],
    rooms: {
      identity: [],
      observe: ['balance', 'types:registry/instance.ts', 'types:routing', 'types:nodes'],
      // What calls showed of an instance is kept with it, and read and counted by balance.
      registry: ['balance/instance-stats.ts'],
      balance: ['registry/instance.ts'],
      routing: ['registry', 'balance'],
      link: ['identity', 'types:observe'],
      nodes: ['link', 'identity', 'registry', 'types:routing', 'types:observe', 'observe/histogram.ts'],
      gateway: ['observe', 'types:identity', 'types:registry', 'types:routing', 'types:nodes', 'types:link'],
      discovery: ['types:nodes'],
      legacy: ['link', 'types:registry', 'types:nodes', 'types:observe'],
      cluster: ['types:registry'],
    },
  },
};

/** Packages in which time and chance come in by `Clock` and `Random`, and their files where those are made. */
export const FRONT_DOORS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  language: [],
  federation: ['clock.ts', 'link/websocket-link.ts', 'relay.ts'],
  client: ['clock.ts'],
};

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT =
  /^(?:import|export)\s+([^;=]*?)\s*from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

const AMBIENT = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bMath\.random\b/,
  /\bperformance\.now\b/,
  /(?<![.\w]|\bglobalThis)(?:globalThis\.)?(?:setTimeout|setInterval|setImmediate)\b(?!\s*\??:)/,
];

interface Import {
  readonly target: string;
  readonly isTypeOnly: boolean;
}

export function imports(text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, clause = '', from, bare, dynamic]) => {
    const names = /^\{(.*)\}$/s
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    const isTypeOnly = /^type\s/.test(clause) || (names?.every((name) => /^\s*type\s/.test(name)) ?? false);
    return { target: from ?? bare ?? dynamic ?? '', isTypeOnly };
  });
}

/** What is forbidden below `root`, one line each. */
export function violations(root: string): string[] {
  return globSync('packages/*/src/**/*.{ts,tsx}', { cwd: root })
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
    .flatMap((file) => {
      const [, owner = '', , ...inside] = file.split('/');
      const text = readFileSync(path.join(root, file), 'utf8');
      const isTest = /\.test\.tsx?$/.test(file);
      const found = imports(text).map((one) =>
        one.target.startsWith('.')
          ? checkRooms(owner, inside.join('/'), one, isTest)
          : checkLayers(owner, one.target, isTest),
      );
      if (!isTest) found.push(checkFrontDoor(owner, inside.join('/'), text));
      return found.filter((because) => because !== undefined).map((because) => `${file}: ${because}`);
    });
}

function checkLayers(owner: string, target: string, isTest: boolean): string | undefined {
  const layers = LAYERS[owner];
  if (layers === undefined) return `package ${owner} is missing in LAYERS`;
  const relay = /^@relay\/([^/]+)/.exec(target)?.[1];
  if (relay === undefined) {
    return PURE.has(owner) && !isTest ? `${owner} is pure and may not import ${target}` : undefined;
  }
  if (target !== `@relay/${relay}`) return `${target} is inside another package: import @relay/${relay}`;
  if (layers.includes(relay) || (isTest && relay === 'testkit')) return undefined;
  return `${owner} may not import ${relay}`;
}

function checkRooms(
  owner: string,
  file: string,
  { target, isTypeOnly }: Import,
  isTest: boolean,
): string | undefined {
  const to = path.posix.join(path.posix.dirname(file), target);
  if (to.startsWith('..')) return to.endsWith('.json') ? undefined : `${target} is outside of the package`;
  const table = ROOMS[owner];
  if (table === undefined || isTest) return undefined;
  const room = roomOf(file);
  const otherRoom = roomOf(to);
  if (room === undefined) {
    if (table.roots.includes(file) || otherRoom === undefined) return undefined;
    return `only ${table.roots.join(', ')} may import from a room, here ${to}`;
  }
  const allowed = table.rooms[room];
  if (allowed === undefined) return `room ${room} is missing in ROOMS`;
  if (otherRoom === undefined) return table.roots.includes(to) ? `${room} may not import ${to}` : undefined;
  if (otherRoom === room) return undefined;
  const matches = (rule: string): boolean => to === rule || to.startsWith(`${rule}/`);
  const isAllowed = allowed.some((rule) =>
    rule.startsWith('types:') ? isTypeOnly && matches(rule.slice('types:'.length)) : matches(rule),
  );
  return isAllowed ? undefined : `${room} may not import ${isTypeOnly ? 'types of ' : ''}${to}`;
}

function checkFrontDoor(owner: string, file: string, text: string): string | undefined {
  const allowed = FRONT_DOORS[owner];
  if (allowed === undefined || allowed.includes(file)) return undefined;
  const code = text.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, '');
  const found = AMBIENT.map((pattern) => pattern.exec(code)?.[0]).find((match) => match !== undefined);
  return found === undefined ? undefined : `${found} is the machine's: take a Clock or a Random`;
}

/** The first folder below `src`; undefined for a file of `src` itself. */
function roomOf(file: string): string | undefined {
  return file.includes('/') ? file.split('/')[0] : undefined;
}

if (import.meta.main) {
  const found = violations(path.join(import.meta.dirname, '..'));
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}
