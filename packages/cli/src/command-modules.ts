// Where the code of each command without a classic form is. Modules are loaded only when used, so that every start stays short.

import type { Command } from './context.ts';

const MODULES: Readonly<Record<string, () => Promise<Command>>> = {
  docs: async () => (await import('./command/docs.ts')).docs,
  check: async () => (await import('./command/check.ts')).check,
  fmt: async () => (await import('./command/fmt.ts')).fmt,
  lsp: async () => (await import('./command/lsp.ts')).lsp,
  demo: async () => (await import('./command/demo.ts')).demo,
  call: async () => (await import('./command/call.ts')).call,
  state: async () => (await import('./command/state.ts')).state,
  status: async () => (await import('./command/status.ts')).status,
  trace: async () => (await import('./command/trace.ts')).trace,
  why: async () => (await import('./command/trace.ts')).why,
  log: async () => (await import('./command/log.ts')).log,
  circuits: async () => (await import('./command/circuits.ts')).circuits,
  invite: async () => (await import('./command/invite.ts')).invite,
  forget: async () => (await import('./command/forget.ts')).forget,
  'forget-main': async () => (await import('./command/forget.ts')).forgetMain,
  migrate: async () => (await import('./command/migrate.ts')).migrate,
  'install-service': async () => (await import('./command/install-service.ts')).installService,
  help: async () => (await import('./command/help.ts')).help,
};

export async function loadCommand(name: string): Promise<Command> {
  const load = MODULES[name];
  if (load === undefined) throw new Error(`no module for the command ${name}`);
  return load();
}
