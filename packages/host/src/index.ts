// What the package gives to the command line and to authors of services.

export { DEFAULT_LIMITS, type ProgramLimits } from './limits.ts';
export { type Finding, type LoadResult, loadRelayProgram, type RelayProgram } from './load.ts';
export type { PageAnswer, ProgramPages } from './pages.ts';
export { type LoadedPages, loadPages } from './pages-load.ts';
export {
  type CompiledProgram,
  type RunningProgram,
  type StartProgramOptions,
  startProgram,
} from './program.ts';
export type { ProgramFigures } from './program-figures.ts';
export { ProgramFailed } from './program-worker.ts';
export { type ReplEvent, ReplSession, type ReplSessionOptions } from './repl-session.ts';
export { type RunFileOptions, type RunResult, runFile } from './run-file.ts';
export { embeddedStore } from './state-store/embedded.ts';
export {
  type OpenStateStore,
  StateNotSaved,
  type StateStore,
  type StateStoreSpec,
  StateUnreadable,
  type ValueCodec,
} from './state-store/state-store.ts';
export { exportState, importState, readState, resetState } from './state-store/state-tools.ts';
export type {
  CallContext,
  MethodFunction,
  MethodOptions,
  ServicePorts,
  TypeScriptService,
} from './typescript-service.ts';
export { ApplicationError, defineService } from './typescript-service.ts';
export type { LogLevel } from './worker-wire.ts';
