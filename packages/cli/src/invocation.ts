// What one command line asks for: the mode, first match of cli.md §4, with everything that can be said without reading a file.

import { type Level, type ParsedArguments, parseArguments } from './argv.ts';
import { findConflicts } from './conflicts.ts';
import { type EnvironmentLevel, readEnvironmentLevel, type Variables } from './environment.ts';
import { FLAGS, type Role } from './flags.ts';
import { detectRole, selectsServer } from './role.ts';
import { RANK, UsageError, type UsageProblem } from './usage.ts';

export type Invocation =
  | { readonly kind: 'version' }
  | { readonly kind: 'help' }
  | {
      readonly kind: 'serve';
      readonly role: Role;
      readonly file?: string;
      /** Flags, then environment; the config block of the file comes below them. */
      readonly levels: readonly Level[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'repl'; readonly file?: string }
  | { readonly kind: 'build'; readonly file: string; readonly warnings: readonly string[] }
  | { readonly kind: 'run'; readonly file: string; readonly warnings: readonly string[] };

/** Reads a classic command line. Throws a UsageError that holds everything that is wrong with it. */
export function readInvocation(argv: readonly string[], env: Variables): Invocation {
  const parsed = parseArguments(argv);
  const { flags } = parsed;
  if (flags.values.has('version')) return { kind: 'version' };
  const environment = readEnvironmentLevel(env);
  const hasEnvironmentRole = selectsServer(environment.level);
  if (flags.values.has('help') || (argv.length === 0 && !hasEnvironmentRole)) return { kind: 'help' };

  const isTool = flags.values.has('repl') || flags.values.has('build');
  // An explicit tool beats a role that only the environment names.
  const serves = selectsServer(flags) || (hasEnvironmentRole && !isTool);
  const problems: UsageProblem[] = [...parsed.problems, ...findConflicts(flags)];
  const file = oneFile(parsed, problems);
  if (serves) return serve(parsed, environment, file, problems);
  if (problems.length > 0) throw new UsageError(problems);

  const warnings = [...parsed.warnings, ...withoutEffect(flags)];
  const fileMember = file === undefined ? {} : { file };
  if (flags.values.has('repl')) return { kind: 'repl', ...fileMember };
  const build = flags.values.get('build');
  if (typeof build === 'string') return { kind: 'build', file: build, warnings };
  if (file !== undefined) return { kind: 'run', file, warnings };
  return { kind: 'help' };
}

function serve(
  parsed: ParsedArguments,
  environment: EnvironmentLevel,
  file: string | undefined,
  problems: UsageProblem[],
): Invocation {
  const { flags } = parsed;
  const flagRole = detectRole(flags);
  problems.push(...environment.problems);
  // Below a role that flags decide, what does not fit is dropped (settings.ts) and cannot conflict.
  if (flagRole === undefined) problems.push(...findConflicts(environment.level));
  if (problems.length > 0) throw new UsageError(problems);
  return {
    kind: 'serve',
    // Only -fallback is left without a role: it belongs to a Home that still lacks its Main.
    role: flagRole ?? detectRole(environment.level) ?? 'home',
    ...(file === undefined ? {} : { file }),
    levels: [flags, environment.level],
    warnings: [...parsed.warnings, ...environment.warnings],
  };
}

/** The program file: a word without a flag, or -run; naming the same file twice is one file. */
function oneFile(parsed: ParsedArguments, problems: UsageProblem[]): string | undefined {
  const run = parsed.flags.values.get('run');
  const named = [...parsed.words, ...(typeof run === 'string' && run !== '' ? [run] : [])];
  const files = [...new Set(named)];
  if (files.length > 1) {
    problems.push({ rank: RANK.files, text: `only one program file can be run: ${files.join(', ')}` });
  }
  return files[0];
}

function withoutEffect(flags: Level): string[] {
  return FLAGS.filter((row) => row.appliesTo !== undefined && flags.values.has(row.name)).map(
    (row) => `warning: -${row.name} has no effect without a server mode`,
  );
}
