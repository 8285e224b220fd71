// docs/cli.md, written from the tables: `scripts/run packages/cli/src/reference.ts > docs/cli.md`. A test compares the two.

import { COMMANDS } from './commands.ts';
import { FLAGS } from './flags.ts';
import { flagMeaning, flagSyntax, renderHelp } from './help.ts';

/** What has no flag. */
const VARIABLES: readonly (readonly string[])[] = [
  ['`RELAY_TOKEN`', 'credential this node shows when it joins'],
  ['`RELAY_API_TOKEN`', 'server: bearer required from HTTP callers; `call`, `status`: bearer to send'],
  ['`RELAY_ADMIN_TOKEN`', 'bearer for endpoints that change peers'],
  ['`RELAY_P2P_TOKEN`', 'credential of `/ws/p2p`, shown and required'],
  ['`RELAY_DATA_DIR`', 'where nodes keep keys, generated ids and state; default `.relay`'],
  ['`RELAY_ADVERTISE`', '`host:port` told to others'],
  ['`RELAY_LOG_LEVEL`', '`error`, `warn`, `info` (default) or `debug`'],
  ['`RELAY_LOG_FORMAT`', '`text` (default) or `json`'],
  [
    '`OTEL_EXPORTER_OTLP_ENDPOINT`',
    'collector that gets the spans of remembered calls; see docs/observability.md',
  ],
  ['`RELAY_DRAIN_SECONDS`', 'time to move sessions away at the end; default 30'],
  ['`RELAY_RESOLVE`', '`name=ip,…` used instead of DNS by everything that dials'],
  ['`RELAY_MAIN`', 'default of `--main` for `call` and `status`'],
];

export function renderReference(): string {
  return `# The \`relay\` command

This page is written by \`packages/cli/src/reference.ts\` from the tables that the command itself reads.

\`./relay\` in the root of the repository is the launcher. There are two ways to say the same thing: flags alone
(\`./relay blog.rl -connect ws://main:8080\`) and sub-commands (\`./relay home blog.rl --connect ws://main:8080\`).

## Reading the command line

- A flag has one dash or two; its value is the next word or follows after \`=\`. Flags may stand before and after the file.
- Boolean flags take a value only with \`=\` (\`-server=false\`). \`--\` ends the flags.
- \`-peers\`, \`-fallback\` and \`-add-peer\` may be repeated and take lists with commas; any other flag given twice is an error.
- A program file that has no directory part and does not exist here is taken from \`examples/\` beside the launcher.

## Flags

${markdownTable([['Flag', 'Variable', 'Default', 'Meaning'], ...FLAGS.map(flagCells)])}

A flag beats its variable, that beats the \`config\` block of the program, that beats the default, setting by setting.

## Role

The first that matches: \`-node-type T\`; \`-connect\`: Home; \`-peers\`: Main; \`-add-peer\`: P2P; \`-server\`: Main. If none of
these flags is given, their variables decide in the same order. The \`config\` block never decides.

## Addresses

\`ws://h:8080\`, \`wss://h\`, \`http://h:8080\`, \`https://h\`, \`h:8080\` and \`h\` are all understood; without a scheme the port
is 8080. The path is added: \`/ws/federation\` for \`-connect\` and \`-fallback\`, \`/ws/peers\` for \`-peers\`.

## Environment without a flag

${markdownTable([['Variable', 'Meaning'], ...VARIABLES])}

Each credential may also be given as a file: \`RELAY_TOKEN_FILE\` and so on. \`NO_COLOR\` is honoured.

## Commands

${COMMANDS.map(commandSection).join('\n')}
## Exit codes

0 success or clean shutdown · 1 failure · 2 usage · 3 refused by every Main Relay · 4 (\`call\`, \`status\`) node not reachable ·
130 and 143 second SIGINT or SIGTERM during a shutdown.

## Signals

SIGTERM, SIGINT and SIGHUP let calls in flight finish and close the links; the process then ends with 0. A second SIGINT or
SIGTERM ends it at once.

## Help text

\`\`\`text
${renderHelp().trimEnd()}
\`\`\`
`;
}

function flagCells(row: (typeof FLAGS)[number]): readonly string[] {
  return [
    `\`${flagSyntax(row)}\``,
    row.variable === undefined ? '' : `\`${row.variable}\``,
    row.default ?? '',
    flagMeaning({ ...row, default: '', variable: '' }),
  ];
}

/** Columns padded, as the formatter of this repository leaves them. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))));
  padded.splice(1, 0, line(widths.map((width) => '-'.repeat(width))));
  return padded.join('\n');
}

function commandSection({ usage, summary, details }: (typeof COMMANDS)[number]): string {
  const more = details === undefined ? '' : `\n${details.join('\n')}\n`;
  return `### \`${usage}\`\n\n${summary.charAt(0).toUpperCase()}${summary.slice(1)}.\n${
    more === '' ? '' : `\n\`\`\`text${more}\`\`\`\n`
  }`;
}

if (import.meta.main) process.stdout.write(renderReference());
