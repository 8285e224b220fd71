// Help texts, written from the tables of flags and commands so that they cannot disagree with them.

import { COMMANDS, type CommandRow } from './commands.ts';
import { FLAGS, type FlagRow } from './flags.ts';

export const USAGE = `Usage: relay FILE                         run a program
       relay -server [flags]              start a Main Relay
       relay FILE -connect URL [flags]    start a Home Relay
       relay COMMAND [arguments]`;

const ROLE_WORDS = { main: 'main', home: 'home', p2p: 'p2p' } as const;

export function renderHelp(): string {
  const commands = COMMANDS.map((row) => [row.name, row.summary] as const);
  const flags = FLAGS.map((row) => [flagSyntax(row), flagMeaning(row)] as const);
  return [
    'Relay runs small services at home and makes them callable from anywhere in a federation.',
    '',
    USAGE,
    '',
    'Commands:',
    ...columns(commands),
    '',
    'Flags, before or after FILE, with one dash or two:',
    ...columns(flags),
    '',
    'Each server flag has a variable, named in brackets; a flag beats its variable, that beats the config',
    "block of FILE. Run 'relay help COMMAND' for the options of one command.",
    '',
    'Try it: relay demo',
    '',
  ].join('\n');
}

export function renderCommandHelp(row: CommandRow): string {
  const details = row.details ?? [];
  return [
    `Usage: ${row.usage}`,
    '',
    sentence(row.summary),
    ...(details.length > 0 ? ['', ...details] : []),
    '',
  ].join('\n');
}

export function flagSyntax(row: FlagRow): string {
  const names = row.short === undefined ? `-${row.name}` : `-${row.name}, -${row.short}`;
  return row.value.kind === 'boolean' ? names : `${names} ${row.value.word}`;
}

/** An empty default or variable is left out: a table shows it elsewhere. */
export function flagMeaning(row: FlagRow): string {
  const notes: string[] = [];
  if (row.appliesTo !== undefined && row.appliesTo.length < 3) {
    notes.push(row.appliesTo.map((role) => ROLE_WORDS[role]).join(', '));
  }
  if (row.default !== undefined && row.default !== '') notes.push(`default ${row.default}`);
  const planned = row.planned === true ? ' (not in this version yet)' : '';
  const noted = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  const variable = row.variable === undefined || row.variable === '' ? '' : ` [${row.variable}]`;
  return `${row.meaning}${planned}${noted}${variable}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
