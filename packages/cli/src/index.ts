export { runCommandLine } from './command-line.ts';
export type { CommandContext } from './context.ts';
