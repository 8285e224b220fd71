// relay install-service: a systemd unit for a node line. It writes one file and says what to type next; starting, stopping and logs
// stay with systemctl and journalctl.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS, findCommand } from '../commands.ts';
import type { Command, CommandContext } from '../context.ts';
import { readNodeEnvironment, type Variables } from '../environment.ts';
import { type Invocation, readInvocation } from '../invocation.ts';
import { type ParsedOptions, parseOptions } from '../options.ts';
import { findProgramFile } from '../program-file.ts';
import { environmentFile, renderServiceUnit, type ServiceUnit, unitName } from '../service-unit.ts';
import { CommandFailure, UsageError, usageError } from '../usage.ts';

const OPTIONS = {
  user: 'flag',
  print: 'flag',
  force: 'flag',
  name: 'value',
  'run-as': 'value',
  directory: 'value',
} as const;

const EXAMPLE = 'relay install-service -- main -node-id relay-a.com';
const FIRST_FREE_PORT = 1024;

export const installService: Command = async (argv, context) => {
  const end = argv.indexOf('--');
  const options = parseOptions(end === -1 ? argv : argv.slice(0, end), OPTIONS);
  const words = end === -1 ? [] : argv.slice(end + 1);
  if (options.words.length > 0 || words.length === 0) {
    throw usageError('the line of the node stands after --', EXAMPLE);
  }
  const unit = unitOf(words, options, context);
  const text = renderServiceUnit(unit);
  for (const warning of warnings(unit, context.env)) context.err(`${warning}\n`);
  if (options.has('print')) {
    context.out(text);
    return 0;
  }
  if (unit.manager === 'system') checkUser(unit.user);
  const file = path.join(options.value('directory') ?? unitDirectory(unit, context.env), unitName(unit.name));
  const outcome = write(file, text, options.has('force'));
  context.out(`${[`${file}: ${outcome}`, ...nextSteps(unit)].join('\n')}\n`);
  return 0;
};

function unitOf(words: readonly string[], options: ParsedOptions, context: CommandContext): ServiceUnit {
  const { home } = context;
  if (home === undefined) throw new CommandFailure('start relay by its launcher: a unit needs its path');
  const { invocation, line } = nodeLine(words);
  const level = invocation.levels[0];
  const text = (name: 'node-id' | 'port'): string | undefined => {
    const value = level?.values.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const file = invocation.file === undefined ? undefined : absoluteFile(invocation.file, home);
  const name =
    options.value('name') ??
    text('node-id') ??
    (file === undefined ? invocation.role : path.parse(file).name);
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(name)) {
    throw usageError(`invalid value "${name}" for flag -name: use 1 to 100 letters, digits, '.', '_' or '-'`);
  }
  const { value: environment, problems } = readNodeEnvironment({
    RELAY_DRAIN_SECONDS: context.env['RELAY_DRAIN_SECONDS'],
  });
  if (problems.length > 0) throw new UsageError(problems);
  const port = Number(text('port') ?? FIRST_FREE_PORT);
  const command = line.map((word) => (word === invocation.file && file !== undefined ? file : word));
  return {
    name,
    manager: options.has('user') ? 'user' : 'system',
    user: options.value('run-as') ?? 'relay',
    command: [path.join(home, 'relay'), ...command],
    workingDirectory: file === undefined ? home : path.dirname(file),
    drainSeconds: environment.drainMs / 1_000,
    needsLowPort: port > 0 && port < FIRST_FREE_PORT,
  };
}

/** The classic form of the words; their mistakes are told now and not by the journal later. */
function nodeLine(words: readonly string[]): {
  invocation: Extract<Invocation, { kind: 'serve' }>;
  line: readonly string[];
} {
  const [first = '', ...rest] = words;
  const command = findCommand(first);
  const line = command === undefined ? words : command.classic?.(rest);
  // A unit does not have the variables of this shell.
  const invocation = line === undefined ? undefined : readInvocation(line, {});
  if (line === undefined || invocation?.kind !== 'serve') {
    throw usageError(`not the line of a node: ${words.join(' ')}`, EXAMPLE);
  }
  return { invocation, line };
}

function absoluteFile(file: string, home: string): string {
  const names = COMMANDS.map((row) => row.name);
  return path.resolve(findProgramFile(file, home, names).path);
}

function checkUser(user: string): void {
  const { status, error } = spawnSync('id', ['-u', user], { stdio: 'ignore' });
  if (error !== undefined || status === 0) return;
  throw new CommandFailure(
    `there is no user ${user}; create it with 'useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin ${user}', or name another with --run-as`,
  );
}

function unitDirectory({ manager }: ServiceUnit, env: Variables): string {
  if (process.platform !== 'linux') {
    throw new CommandFailure('systemd runs on Linux only; --print shows the unit');
  }
  if (manager === 'system') return '/etc/systemd/system';
  const config = env['XDG_CONFIG_HOME'] ?? path.join(env['HOME'] ?? '', '.config');
  return path.join(config, 'systemd/user');
}

function write(file: string, text: string, isForced: boolean): 'written' | 'unchanged' {
  try {
    if (existsSync(file)) {
      if (readFileSync(file, 'utf8') === text) return 'unchanged';
      if (!isForced) {
        throw new CommandFailure(
          `${file} exists and differs; --print shows the new one, --force replaces it`,
        );
      }
    }
    writeFileSync(file, text, { mode: 0o644 });
    return 'written';
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const advice =
      code === 'EACCES'
        ? ' (as root, or with --user)'
        : code === 'ENOENT'
          ? ' (is systemd on this machine? --directory names another place)'
          : '';
    throw new CommandFailure(`cannot write ${file}: ${code ?? message}${advice}`);
  }
}

function nextSteps(unit: ServiceUnit): readonly string[] {
  const scope = unit.manager === 'user' ? ' --user' : '';
  const variables = environmentFile(unit).replace('%h', '~');
  return [
    `Variables and secrets of the node go to ${variables} (mode 0600); it may be missing.`,
    'Next:',
    `  systemctl${scope} daemon-reload`,
    `  systemctl${scope} enable --now ${unitName(unit.name)}`,
    ...(unit.manager === 'user' ? ['  loginctl enable-linger    # to run without being logged in'] : []),
    `  journalctl${scope} -u ${unitName(unit.name)} -f`,
  ];
}

/** Settings of this shell that the unit will not have. */
function warnings(unit: ServiceUnit, env: Variables): readonly string[] {
  return Object.keys(env)
    .filter((name) => /^RELAY_/.test(name) && !KNOWN_TO_UNIT.has(name) && env[name]?.trim() !== '')
    .map((name) => `warning: ${name} is set here but not in the unit; put it into ${environmentFile(unit)}`);
}

const KNOWN_TO_UNIT: ReadonlySet<string> = new Set([
  'RELAY_HOME',
  'RELAY_DRAIN_SECONDS',
  'RELAY_DATA_DIR',
  'RELAY_MAIN',
]);
