// The text of a systemd unit for one node (`relay install-service`). What it allows is what a node needs: its data directory, the
// network, and reading the installation and the program.

export interface ServiceUnit {
  /** Of the unit and its directories, with `relay-` before it. */
  readonly name: string;
  readonly manager: 'system' | 'user';
  /** Who it runs as; only a system unit says so. */
  readonly user: string;
  /** The launcher and its words. */
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** How long the node gives its sessions to move away, as it reads it from RELAY_DRAIN_SECONDS. */
  readonly drainSeconds: number;
  /** Whether it listens on a port below 1024. */
  readonly needsLowPort: boolean;
}

/** Calls in flight may finish for 10 s after the drain (cli.md §9); the rest is for closing links and state. */
const AFTER_DRAIN_S = 15;

export function unitName(name: string): string {
  return `relay-${name}.service`;
}

/** File with variables of the node, secrets among them, that may be there; `%h` is the home directory. */
export function environmentFile({ name, manager }: Pick<ServiceUnit, 'name' | 'manager'>): string {
  return manager === 'system' ? `/etc/relay/${name}.env` : `%h/.config/relay/${name}.env`;
}

export function renderServiceUnit(unit: ServiceUnit): string {
  const { name, manager, user, command, workingDirectory, drainSeconds } = unit;
  const isSystem = manager === 'system';
  const directory = `relay-${name}`;
  const sections: readonly (readonly string[])[] = [
    [
      '[Unit]',
      `Description=Relay node ${name}`,
      ...(isSystem ? ['After=network-online.target', 'Wants=network-online.target'] : []),
      // A node whose Main or peers are away stays up and dials. One that fails at every start is tried again, slowly, without end.
      'StartLimitIntervalSec=0',
    ],
    [
      '[Service]',
      'Type=exec',
      `ExecStart=${command.map(quoted).join(' ')}`,
      `WorkingDirectory=${escaped(workingDirectory)}`,
      ...(isSystem ? [`User=${user}`] : []),
      `StateDirectory=${directory}`,
      'StateDirectoryMode=0700',
      `CacheDirectory=${directory}`,
      `Environment=RELAY_DATA_DIR=%S/${directory}`,
      `Environment=NODE_COMPILE_CACHE=%C/${directory}`,
      `Environment=RELAY_DRAIN_SECONDS=${drainSeconds}`,
      `EnvironmentFile=-${environmentFile(unit)}`,
      'Restart=on-failure',
      'RestartSec=5',
      // Wrong usage, and a Home that every Main refuses: another start changes nothing.
      'RestartPreventExitStatus=2 3',
      'KillMode=mixed',
      `TimeoutStopSec=${Math.ceil(drainSeconds) + AFTER_DRAIN_S}`,
      'LimitNOFILE=65536',
    ],
    isSystem ? systemSandbox(unit.needsLowPort) : USER_SANDBOX,
    ['[Install]', `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** Memory that is written and executed stays allowed: that is how JavaScript runs fast. */
const ANYWHERE: readonly string[] = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallErrorNumber=EPERM',
  'UMask=0077',
];

/** Where the user may make no namespaces, a user unit that asks for a file system of its own does not start at all. */
const USER_SANDBOX: readonly string[] = ANYWHERE;

function systemSandbox(needsLowPort: boolean): readonly string[] {
  const capability = needsLowPort ? 'CAP_NET_BIND_SERVICE' : '';
  return [
    ...ANYWHERE,
    `CapabilityBoundingSet=${capability}`,
    `AmbientCapabilities=${capability}`,
    'ProtectSystem=strict',
    // The installation or a program may be below /home.
    'ProtectHome=read-only',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectProc=invisible',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectControlGroups=yes',
    'RemoveIPC=yes',
  ];
}

/** `%` begins a specifier in every setting. */
function escaped(text: string): string {
  return text.replaceAll('%', '%%');
}

/** One word of ExecStart: systemd expands `%` and `$`, and reads quotes and backslashes much as a shell does. */
function quoted(word: string): string {
  const text = escaped(word).replaceAll('$', '$$$$');
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
