// A running node in the words of a person: settings, port, folder, program, links, and the way down. cli.md §4, §5 and §9.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  createLog,
  type HeldPort,
  type Log,
  MetricsAddress,
  type NodeEvent,
  PageCollision,
  type RelayNode,
  type RelayOptions,
  startRelay,
  systemClock,
} from '@relay/federation';
import type { RunningProgram } from '@relay/host';
import type { Level } from '../argv.ts';
import { readCollector } from '../collector.ts';
import { ConnectionLines } from '../connection-lines.ts';
import type { CommandContext } from '../context.ts';
import { type FolderRequest, type NodeFolder, openNodeFolder } from '../data-directory.ts';
import { type NodeEnvironment, readNodeEnvironment } from '../environment.ts';
import type { Role } from '../flags.ts';
import { openPort } from '../listen.ts';
import { Output } from '../output.ts';
import type { OpenedProgram } from '../program.ts';
import type { ProgramFile } from '../program-file.ts';
import { mergeSettings, type NodeSettings } from '../settings.ts';
import { type Shutdown, watchForShutdown } from '../shutdown.ts';
import { addressLines, exposureWarnings, roleLine, routerLine } from '../startup-lines.ts';
import { normalizeUrl } from '../url.ts';
import { CommandFailure, UsageError } from '../usage.ts';
import { VERSION } from '../version.ts';

export interface ServeRequest {
  readonly role: Role;
  readonly file: ProgramFile | undefined;
  readonly levels: readonly Level[];
  readonly warnings: readonly string[];
}

const EXIT_REFUSED = 3;
/** How long the folder of a node that just gave up its port may still be locked. */
const LOCK_WAIT_MS = 5_000;

export async function serve(request: ServeRequest, context: CommandContext): Promise<number> {
  const { value: environment, problems } = readNodeEnvironment(context.env);
  if (problems.length > 0) throw new UsageError(problems);
  const { file } = request;
  // The language is loaded only where there is a program.
  const programs = file === undefined ? undefined : await import('../program.ts');
  const opened = file === undefined ? undefined : programs?.openProgram(file.path, request.role);
  if (file !== undefined && opened !== undefined) programs?.assertOffered(file.path, opened);
  const levels = opened === undefined ? request.levels : [...request.levels, opened.config.level];
  const { settings, warnings } = mergeSettings(levels, request.role);

  const { collector, warnings: exportWarnings } = readCollector(context.env, opened?.config.otlpEndpoint);

  let nodeId: string | undefined;
  const node = new ServedNode({
    collector,
    named: (id) => {
      nodeId = id;
    },
    settings,
    environment,
    opened,
    file,
    output: new Output(context, { format: environment.logFormat, node: () => nodeId }),
    log: createLog({
      level: environment.logLevel,
      format: environment.logFormat,
      write: (line) => context.err(line),
      clock: { wallNow: () => Date.now() },
      node: () => nodeId,
    }),
    warnings: [...request.warnings, ...(opened?.warnings ?? []), ...warnings, ...exportWarnings],
  });
  return node.run(context);
}

interface ServedNodeParts {
  readonly settings: NodeSettings;
  readonly collector: RelayOptions['collector'];
  /** The node has its id: log lines name it from now on. */
  readonly named: (nodeId: string) => void;
  readonly environment: NodeEnvironment;
  readonly opened: OpenedProgram | undefined;
  readonly file: ProgramFile | undefined;
  readonly output: Output;
  readonly log: Log;
  readonly warnings: readonly string[];
}

/** From the port to the end of the process. What was taken is given back in reverse order. */
class ServedNode {
  readonly #parts: ServedNodeParts;
  readonly #refused = new Set<string>();
  #program: RunningProgram | undefined;
  #node: RelayNode | undefined;
  /** `id`, or `id@main` while a Home is connected: how others address this node. */
  #address = '';

  constructor(parts: ServedNodeParts) {
    this.#parts = parts;
  }

  async run(context: CommandContext): Promise<number> {
    const { settings, output, log } = this.#parts;
    const shutdown = watchForShutdown(context.env, (stack) => log.error(`uncaught: ${stack}`));
    const { port, hasWaited } = await openPort(settings.host, settings.port, (text) => output.note(text));
    let folder: NodeFolder | undefined;
    let isServing = false;
    try {
      folder = await this.#openFolder(hasWaited);
      await this.#start(port, folder, shutdown);
      isServing = true;
      const { exitCode } = await shutdown.requested;
      const count = this.#node?.inFlight ?? 0;
      output.line(`Shutting down: ${count} calls in flight`);
      return exitCode;
    } finally {
      // The folder is free before the port: whoever waits for the port takes both in this order.
      const giveBack = async (): Promise<void> => {
        await this.#program?.close();
        folder?.release();
      };
      if (this.#node !== undefined) await this.#node.stop(giveBack);
      else {
        await giveBack();
        await port.release();
      }
      if (isServing) output.line('Stopped');
      shutdown.release();
    }
  }

  async #openFolder(hasWaited: boolean): Promise<NodeFolder> {
    const { settings, environment, file } = this.#parts;
    const request: FolderRequest = {
      dataDir: environment.dataDir,
      role: settings.role,
      nodeId: settings.nodeId,
      file: file?.path,
    };
    const deadline = Date.now() + (hasWaited ? LOCK_WAIT_MS : 0);
    for (;;) {
      try {
        return openNodeFolder(request);
      } catch (error) {
        if (Date.now() >= deadline) throw error;
        await sleep(50);
      }
    }
  }

  async #start(port: HeldPort, folder: NodeFolder, shutdown: Shutdown): Promise<void> {
    const { settings, environment, output, log, file, opened } = this.#parts;
    const { role } = settings;
    const config = opened?.config;
    this.#address = folder.nodeId;
    this.#parts.named(folder.nodeId);
    output.line(roleLine(role, folder.nodeId, folder.isGenerated));
    output.line(routerLine(role));
    if (file?.isExample === true) output.line(`Program: ${file.path}`);
    if (opened !== undefined) await this.#startProgram(opened, folder);

    const urls = settings.connect === undefined ? [] : [settings.connect, ...settings.fallback];
    const lines = new ConnectionLines((line, level) => output.line(line, level));
    const { token, apiToken, adminToken, p2pToken, resolve, drainMs } = environment;
    const advertise = environment.advertise ?? config?.advertise;
    this.#node = await startRelay({
      nodeType: role,
      nodeId: folder.nodeId,
      version: VERSION,
      port,
      folder: folder.path,
      services: this.#program?.services ?? [],
      ...(this.#program === undefined ? {} : { program: this.#program.figures }),
      log,
      events: { emit: (event) => this.#onEvent(event, lines, urls, shutdown) },
      urls,
      peers: settings.peers,
      addPeers: settings.addPeers,
      p2pEvents: {
        added: (peer) => output.line(`Successfully added peer: ${peer}`),
        failed: (peer, reason) => output.warning(`Warning: Failed to add peer ${peer}: ${reason}`),
      },
      ...(p2pToken === undefined ? {} : { p2pToken }),
      parsePeerUrl: (text) => {
        const url = normalizeUrl(text, 'peer');
        return url.ok ? { url: url.url } : { reason: 'use ws://, wss://, http://, https:// or HOST:PORT' };
      },
      ...(advertise === undefined ? {} : { advertise }),
      ...(config?.metricsListen === undefined ? {} : { metricsListen: config.metricsListen }),
      ...(this.#parts.collector === undefined ? {} : { collector: this.#parts.collector }),
      resolve: (host) => resolve.get(host.toLowerCase()),
      ...(token === undefined ? {} : { token }),
      admission: settings.admission,
      uplinks: settings.uplinks,
      ...(config?.arrivals === undefined ? {} : { arrivals: config.arrivals }),
      ...(config?.admissionRate === undefined ? {} : { admissionRate: config.admissionRate }),
      ...config?.federation,
      ...(config?.balance === undefined ? {} : { balance: config.balance }),
      ...(config?.timeoutMs === undefined ? {} : { timeoutMs: config.timeoutMs }),
      drainMs,
      http: {
        ...(this.#program?.pages === undefined ? {} : { pages: this.#program.pages }),
        ...(apiToken === undefined ? {} : { apiToken }),
        ...(adminToken === undefined ? {} : { adminToken }),
        ...(config?.cors === undefined ? {} : { cors: config.cors }),
        ...(config?.corsOrigins === undefined ? {} : { corsOrigins: config.corsOrigins }),
        ...(config?.headers === undefined ? {} : { headers: config.headers }),
        ...(config?.httpLimits === undefined ? {} : { limits: config.httpLimits }),
        ...(config?.allowRemoteAdmin === undefined ? {} : { allowRemoteAdmin: config.allowRemoteAdmin }),
        disableRegistry: settings.disableRegistry,
      },
    }).catch((error: unknown) => {
      const isKnown = error instanceof PageCollision || error instanceof MetricsAddress;
      throw isKnown ? new CommandFailure(error.message) : error;
    });
    this.#program?.setOutbound(this.#node.outbound);

    const hasRegistry = !settings.disableRegistry;
    for (const line of addressLines(role, this.#node.url, hasRegistry)) output.line(line);
    for (const warning of this.#warnings(port)) output.warning(warning);
    output.line('Press Ctrl+C to stop');
    this.#node.connect();
  }

  async #startProgram(opened: OpenedProgram, folder: NodeFolder): Promise<void> {
    const { output, log } = this.#parts;
    const { startOpened, storeOf } = await import('../program.ts');
    this.#program = await startOpened(opened, {
      clock: systemClock,
      nodeId: () => this.#address,
      print: (line) => output.line(line),
      log: (level, line) => log[level](line, { from: 'program' }),
      pages: opened.pages,
      onServicesChanged: (services) => this.#node?.setServices(services),
      store: storeOf(opened.config, folder.path),
    });
    if (this.#program.result !== undefined) output.line(`Result: ${this.#program.result}`);
  }

  #warnings(port: HeldPort): string[] {
    const { settings, environment, file, warnings } = this.#parts;
    const hasNothing = settings.role === 'home' && file === undefined;
    return [
      ...warnings,
      ...(hasNothing ? ['warning: no program given: this Home offers no services'] : []),
      ...exposureWarnings({
        role: settings.role,
        host: settings.host,
        port: port.port,
        admission: settings.admission,
        hasApiToken: environment.apiToken !== undefined,
      }),
    ];
  }

  #onEvent(event: NodeEvent, lines: ConnectionLines, urls: readonly string[], shutdown: Shutdown): void {
    lines.tell(event);
    const nodeId = this.#node?.nodeId ?? this.#address;
    if (!('what' in event) || event.what !== 'Main Relay') return;
    if (event.kind === 'connected') this.#address = `${nodeId}@${event.id}`;
    if (event.kind === 'lost') this.#address = nodeId;
    if (event.kind !== 'refused') return;
    this.#refused.add(event.url);
    if (urls.every((url) => this.#refused.has(url))) {
      this.#parts.output.note(`refused by every Main Relay: ${event.reason}`, 'error');
      shutdown.request(EXIT_REFUSED);
    }
  }
}
