// The sub-commands of cli.md §8 and their help. Those without words of a classic form have a module in command-modules.ts.

export interface CommandRow {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** Lines of `relay COMMAND --help` below the usage. */
  readonly details?: readonly string[];
  /** Words of the classic form that stand for this command: `relay main FILE` is `-server -node-type main FILE`. */
  readonly classic?: (argv: readonly string[]) => readonly string[];
}

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'main',
    usage: 'relay main [FILE] [flags]',
    summary: 'start a Main Relay',
    details: ['Equals ./relay [FILE] -server -node-type main [flags]; all server flags apply.'],
    classic: (argv) => ['-server', '-node-type', 'main', ...argv],
  },
  {
    name: 'home',
    usage: 'relay home FILE --connect URL [flags]',
    summary: 'start a Home Relay that offers the services of FILE',
    details: [
      'Equals ./relay FILE -node-type home [flags]. The Main Relay may also come from RELAY_CONNECT or',
      'from `relay:` in the config block of FILE.',
    ],
    classic: (argv) => ['-node-type', 'home', ...argv],
  },
  {
    name: 'run',
    usage: 'relay run FILE',
    summary: 'run a program',
    details: ['Equals ./relay FILE.'],
    classic: (argv) => argv,
  },
  {
    name: 'repl',
    usage: 'relay repl [FILE]',
    summary: 'try the language, line by line',
    details: ['Equals ./relay [FILE] -repl; FILE runs first. :help at the prompt lists its commands.'],
    classic: (argv) => ['-repl', ...argv],
  },
  {
    name: 'docs',
    usage: 'relay docs [NAME…] [--markdown]',
    summary: 'describe the built-in functions and methods',
    details: [
      'NAME is a function, a method (push, array.push) or a kind of values (array). Without a name all are listed.',
      '',
      '--markdown    the reference section of docs/language.md',
    ],
  },
  {
    name: 'check',
    usage: 'relay check FILE… [--json], or relay check --openrpc FILE',
    summary: 'report every error in program files without running them',
    details: [
      '--json       one array of {file,line,column,severity,code,message} on stdout',
      '--openrpc    the services of the program as an OpenRPC document',
      '',
      'Exit code 0 without errors, 1 otherwise.',
    ],
  },
  {
    name: 'fmt',
    usage: 'relay fmt FILE… [--check], or relay fmt --stdin',
    summary: 'write program files in the house style',
    details: [
      'Comments and meaning stay as they are. A file with syntax errors is left alone.',
      '',
      '--check    change nothing; list the files that would change',
      '--stdin    read the program from stdin and write it to stdout',
      '',
      'Exit code 0; 1 for errors, and with --check if a file would change.',
    ],
  },
  {
    name: 'lsp',
    usage: 'relay lsp',
    summary: 'the language server for editors, over stdin and stdout',
    details: ['An editor starts it by itself; docs/editors.md says how to set one up.'],
  },
  {
    name: 'demo',
    usage: 'relay demo [--keep] [--json]',
    summary: 'start a whole federation on this machine and check that it works',
    details: [
      'Two Main Relays and three Home Relays, each its own process on 127.0.0.1 with free ports.',
      '',
      '--keep    leave the federation running until Ctrl+C',
      '--json    print only the results, as one object',
    ],
  },
  {
    name: 'call',
    usage: 'relay call SERVICE.METHOD [JSON] [options]',
    summary: 'call a method of a service',
    details: [
      'JSON is an array (by position) or an object (by name); - reads it from stdin.',
      '',
      '--main URL               node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '--node ADDRESS           this node only: ID or ID@MAIN',
      '--timeout SECONDS        how long to wait, default 60',
      '--idempotency-key KEY    the same key runs the method once',
      '--trace                  print the way the call took on stderr',
      '--json                   print the whole JSON-RPC answer',
      '',
      'Exit code 0 with a result, 1 for a failed call, 2 for bad JSON, 4 if the node is not reachable.',
    ],
  },
  {
    name: 'status',
    usage: 'relay status [--main URL] [--json] [--watch [SECONDS]]',
    summary: 'show a node, its Homes, peers and services',
    details: [
      '--main URL           node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '--json               the raw answers of its endpoints',
      '--watch [SECONDS]    show again every SECONDS, default 2',
      '',
      'Exit code 0 for healthy and degraded, 1 for unhealthy, 4 if the node is not reachable.',
    ],
  },
  {
    name: 'trace',
    usage: 'relay trace [ID] [--limit N] [--main URL] [--json]',
    summary: 'show where a call went, or the calls a Main Relay remembers',
    details: [
      'Remembered are traced, failed and slow calls and some others, for ten minutes. ID is the trace id that a call prints.',
      '',
      '--limit N     how many to list without ID, default 20',
      '--main URL    node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '--json        the answer as it is',
      '',
      'Exit code 0, 1 if the node does not remember it, 4 if it is not reachable.',
    ],
  },
  {
    name: 'why',
    usage: 'relay why SERVICE.METHOD [--node ADDRESS] [--main URL] [--json]',
    summary: 'say where a call would go now, without calling',
    details: [
      'Lists the instances that a Main Relay knows and what keeps some of them out.',
      '',
      '--node ADDRESS    for a call to this node: ID or ID@MAIN',
      '--main URL        node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '--json            the answer as it is',
      '',
      'Exit code 0 if the call would leave, 1 if not, 4 if the node is not reachable.',
    ],
  },
  {
    name: 'log',
    usage: 'relay log --service NAME|--peer ID [--level LEVEL] [--seconds N] [--main URL]',
    summary: 'let a running Main Relay log more about one service or peer',
    details: [
      'A Main on another machine wants RELAY_ADMIN_TOKEN for that.',
      '',
      '--service NAME    lines about this service',
      '--peer ID         lines about this Main',
      '--level LEVEL     error, warn, info or debug (default)',
      '--seconds N       for how long, default 600',
      '--main URL        node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '',
      'Exit code 0, 1 if the node refuses, 4 if it is not reachable.',
    ],
  },
  {
    name: 'circuits',
    usage: 'relay circuits [reset] [--service NAME] [--address ADDRESS] [--main URL] [--json]',
    summary: 'show or close the circuit breakers of a Main Relay',
    details: [
      'Lists the circuits that are not closed and the instances that are left out. With reset it closes them; a Main on another',
      'machine wants RELAY_ADMIN_TOKEN for that.',
      '',
      '--service NAME       only this service',
      '--address ADDRESS    only at this node: ID or ID@MAIN',
      '--main URL           node to ask; default RELAY_MAIN, else http://127.0.0.1:8080',
      '--json               as one JSON value',
      '',
      'Exit code 0, 1 if the node refuses, 4 if it is not reachable.',
    ],
  },
  {
    name: 'invite',
    usage: 'relay invite [--role home|main] [--ttl 1h]',
    summary: 'print a join token for one Home or peer of the Main Relay on this machine',
    details: [
      'The token works once and is shown once; give it to the node that joins as RELAY_TOKEN. The Main Relay may be',
      'running. It asks for tokens when started with -admission invite.',
      '',
      '--role ROLE      home (default) or main, for a peer',
      '--ttl TIME       how long the token can be used: 30m, 1h (default), 7d',
      '--node-id ID     which Main Relay, if several have run with this data directory',
    ],
  },
  {
    name: 'forget',
    usage: 'relay forget ID [--role home|main]',
    summary: 'let another key claim a node id, for a node that lost its key',
    details: [
      'On the machine of the Main Relay, which may be running: a node that is connected under the id is sent away within',
      'a second and its services go. From then on the next that may join under the id owns it.',
      '',
      '--role ROLE      home (default) or main, for a peer',
      '--node-id ID     which Main Relay, if several have run with this data directory',
    ],
  },
  {
    name: 'forget-main',
    usage: 'relay forget-main URL',
    summary: 'let a Home Relay accept another key of the Main Relay at URL',
    details: [
      'On the machine of the Home Relay, for a Main Relay that has lost its key. Start the Home again afterwards if it has',
      'given up.',
      '',
      '--node-id ID     only this Home; default every Home of this data directory that has met the Main',
    ],
  },
  {
    name: 'state',
    usage: 'relay state show|export|import|reset NODE [options]',
    summary: 'show, copy out, replace or forget the state of a node that is not running',
    details: [
      'NODE is the id of a node of this machine, or its folder.',
      '',
      'relay state show NODE              servers and their fields',
      'relay state export NODE [FILE]     all of it as JSON, to FILE or stdout',
      'relay state import NODE FILE       puts the servers in FILE in the place of those stored; - reads stdin',
      'relay state reset NODE --yes       forgets all of it, also if it is damaged',
      '',
      '--server NAME      only this server (show, export, reset)',
      '--data-dir DIR     where the folders of nodes are; default RELAY_DATA_DIR, else .relay',
    ],
  },
  {
    name: 'migrate',
    usage: 'relay migrate [--as main|home] [--main URL] [--from URL] [--write FILE] [-- OLD ARGUMENTS…]',
    summary: 'turn the launch line of a P2P node into flags of the federation',
    details: [
      'Only prints: the command, the config block, notes, and the old line as the way back.',
      '',
      '--as ROLE       main or home; default home with --main, else main',
      '--main URL      Main Relay of the Home',
      '--from URL      ask a running P2P node for its id and peers',
      '--write FILE    save the config block',
      '',
      'Exit code 2 for arguments that no P2P node understood, 4 if --from cannot be reached.',
    ],
  },
  {
    name: 'install-service',
    usage: 'relay install-service [--user] [--name NAME] [--run-as USER] [--print] -- NODE LINE…',
    summary: 'write a systemd unit that runs a node',
    details: [
      'NODE LINE is what would follow `relay` by hand. Writes relay-NAME.service and prints what to type next.',
      '',
      '--user             a unit of your own instead of one of the machine',
      '--name NAME        default the node id, else the name of the program, else the role',
      '--run-as USER      who a unit of the machine runs as, default relay',
      '--print            show the unit, write nothing',
      '--directory DIR    where to write it; default /etc/systemd/system, with --user ~/.config/systemd/user',
      '--force            replace a unit that differs',
      '',
      'The node keeps its data in /var/lib/relay-NAME (StateDirectory) and reads further variables, secrets among',
      'them, from /etc/relay/NAME.env; with --user from ~/.config/relay/NAME.env. RELAY_DRAIN_SECONDS is taken',
      'over from the environment: systemd waits 15 s longer than that for the end of the node.',
    ],
  },
  {
    name: 'version',
    usage: 'relay version',
    summary: 'print the version',
    classic: () => ['-version'],
  },
  {
    name: 'help',
    usage: 'relay help [COMMAND]',
    summary: 'print help, of one command or of all flags',
  },
];

export function findCommand(name: string): CommandRow | undefined {
  return COMMANDS.find((row) => row.name === name);
}
