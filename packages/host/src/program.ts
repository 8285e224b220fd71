// A running program as its node sees it: one Service per server, and what its top-level code gave.

import type { ServiceInterface } from '@relay/language';
import type { CallHandler, IdempotencyCounts, Service, ServiceOffer } from '@relay/protocol';
import { DEFAULT_SEND_TIMEOUT_MS } from './limits.ts';
import { createProgramPages, type ProgramPages } from './pages.ts';
import type { LoadedPages } from './pages-load.ts';
import { type ProgramFigures, programFigures } from './program-figures.ts';
import { ProgramWorker, type ProgramWorkerOptions } from './program-worker.ts';

/** What `loadRelayProgram` gives: all a worker needs to run it. */
export interface CompiledProgram {
  /** ES module text. */
  readonly code: string;
  readonly services: readonly ServiceInterface[];
}

export interface StartProgramOptions
  extends Omit<ProgramWorkerOptions, 'hasOutside' | 'onStarted' | 'onHealth' | 'onStopped' | 'pages'> {
  /** Takes calls that leave the program; may be set later. Until then a send outside is «server 'S' not found». */
  readonly outbound?: CallHandler;
  /** Its templates, without errors: `loadPages`. */
  readonly pages?: LoadedPages;
  /** The services this node can offer have changed: one says another health, or none are left after the program died too often. */
  readonly onServicesChanged?: (services: readonly Service[]) => void;
}

export interface RunningProgram {
  /** One for each server, in order of their definition. */
  readonly services: readonly Service[];
  /** Display form of the program's value; undefined if that is nil. */
  readonly result: string | undefined;
  /** The merged `config` of the program as plain data. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined if it was started without. */
  readonly pages: ProgramPages | undefined;
  /** Calls with an idempotency key so far, by what became of them. */
  readonly idempotency: Readonly<IdempotencyCounts>;
  /** For the metrics of its node. */
  readonly figures: ProgramFigures;
  setOutbound(outbound: CallHandler): void;
  /** Ends the worker. Messages that run are cut off; drain first. */
  close(): Promise<void>;
}

/** Runs top-level code, then answers calls. Rejects with `ProgramFailed` if top-level code fails. */
export async function startProgram(
  program: CompiledProgram,
  options: StartProgramOptions,
): Promise<RunningProgram> {
  const { outbound, onServicesChanged, pages, ...workerOptions } = options;
  let isUp = true;
  const unwell = new Set<string>();
  const services = program.services.map((described): Service => {
    const offer = offerOf(described);
    const unwellOffer: ServiceOffer = { ...offer, healthy: false };
    return {
      get offer() {
        return unwell.has(offer.name) ? unwellOffer : offer;
      },
      handle: (call, settle) => worker.call(call, settle),
      refuseWaiting: () => worker.refuseWaiting(),
    };
  });
  const worker = new ProgramWorker(program.code, outbound, {
    ...workerOptions,
    ...(pages?.code === undefined ? {} : { pages: pages.code }),
    // Whoever starts anew is well until he says otherwise.
    onStarted: () => {
      if (unwell.size === 0) return;
      unwell.clear();
      onServicesChanged?.(services);
    },
    onHealth: (service, isHealthy) => {
      if (isHealthy !== unwell.has(service)) return;
      if (isHealthy) unwell.delete(service);
      else unwell.add(service);
      onServicesChanged?.(services);
    },
    onStopped: () => {
      isUp = false;
      onServicesChanged?.([]);
    },
  });
  const { result, settings } = await worker.ready;
  return {
    get services() {
      return isUp ? services : [];
    },
    result,
    settings: settings as Readonly<Record<string, unknown>>,
    pages:
      pages &&
      createProgramPages(pages, worker, {
        timeoutMs: options.timeoutMs ?? DEFAULT_SEND_TIMEOUT_MS,
        log: options.log,
      }),
    idempotency: worker.idempotency,
    figures: programFigures(worker, options.store),
    setOutbound: (handler) => worker.setOutbound(handler),
    close: () => worker.close(),
  };
}

function offerOf({ name, methods }: ServiceInterface): ServiceOffer {
  return {
    name,
    methods: methods.map((method) => ({
      name: method.name,
      params: method.params,
      returns: method.returns,
      effect: method.effect,
      ...(method.doc === undefined ? {} : { doc: method.doc }),
    })),
    visibility: 'federated',
    weight: 1,
  };
}
