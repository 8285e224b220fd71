// The pages of a running program as a gateway asks for them: a path and a query in, a status and a text out. Templates that have
// changed are read again before the page is made, if the program asks for that.

import type { Cancel, Failure } from '@relay/protocol';
import { PageRoutes, pathsOf } from './page-routes.ts';
import type { LoadedPages } from './pages-load.ts';
import type { PageCall, PageOutcome } from './program-worker.ts';
import type { LogLevel } from './worker-wire.ts';

export type PageAnswer =
  | { readonly kind: 'page'; readonly contentType: string; readonly body: Uint8Array }
  /** `message` may be shown to anybody. */
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 500 | 503; readonly message: string };

export interface ProgramPages {
  /** Every path that a page has, and where it is declared: `FILE:LINE:COLUMN`. */
  readonly paths: readonly { readonly path: string; readonly place: string }[];
  /** Absolute; need not be there. */
  readonly staticDir: string;
  /** Undefined if no page has this path. `path` as in the request, `query` without its question mark; `settle` is called once. */
  get(path: string, query: string, settle: (answer: PageAnswer) => void): Cancel | undefined;
}

/** What pages need of the worker. */
export interface PageWorker {
  page(call: PageCall, settle: (outcome: PageOutcome) => void): Cancel;
  setPages(code: string): void;
}

export interface ProgramPagesOptions {
  readonly timeoutMs: number;
  readonly log: (level: LogLevel, line: string) => void;
}

export function createProgramPages(
  loaded: LoadedPages,
  worker: PageWorker,
  { timeoutMs, log }: ProgramPagesOptions,
): ProgramPages {
  const routes = new PageRoutes(loaded.pages);
  let current = loaded;

  const refresh = (): void => {
    const next = current.autoReload ? current.reload() : undefined;
    if (next === undefined) return;
    current = next;
    // What is broken is shown to its author, and readers keep the page as it was.
    for (const { text } of next.errors) log('error', text);
    if (next.errors.length > 0) log('error', 'pages stay as they were until that is mended');
    else if (next.code !== undefined) worker.setPages(next.code);
  };

  return {
    paths: loaded.pages.flatMap(({ path, place }) => pathsOf(path).map((one) => ({ path: one, place }))),
    staticDir: loaded.staticDir,
    get(path, query, settle) {
      const match = routes.match(path, query);
      if (match.kind === 'none') return undefined;
      if (match.kind === 'bad') {
        settle({ kind: 'refused', status: 400, message: match.message });
        return () => {};
      }
      refresh();
      const { page, args } = match;
      return worker.page({ path: page.path, args, timeoutMs }, (outcome) => {
        if (outcome.kind === 'page') {
          settle({ kind: 'page', contentType: page.contentType, body: outcome.body });
        } else if (outcome.kind === 'nothing') {
          settle({ kind: 'refused', status: 404, message: 'there is nothing here' });
        } else {
          const refused = refusalOf(outcome.failure);
          if (refused.status >= 500) {
            const { name, message } = outcome.failure;
            log('error', `page ${page.path}: ${message} (${name})`);
          }
          settle(refused);
        }
      });
    },
  };
}

function refusalOf({ name, message }: Failure): Extract<PageAnswer, { kind: 'refused' }> {
  switch (name) {
    case 'invalid_params':
      return { kind: 'refused', status: 400, message };
    case 'no_healthy_instance':
    case 'overloaded':
    case 'shutting_down':
      return { kind: 'refused', status: 503, message: 'this page is not available at the moment' };
    default:
      return { kind: 'refused', status: 500, message: 'this page could not be made' };
  }
}
