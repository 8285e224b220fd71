// A compiled page, as its host runs it.

import type { Message } from '../run/effects.ts';
import { normalizeFailure } from '../run/failure.ts';
import type { Runtime } from '../run/runtime.ts';
import type { Value } from '../run/value.ts';
import type { PageKind } from './file-kind.ts';
import { PageWriter } from './render.ts';

export interface CompiledPage {
  readonly path: string;
  readonly method: string;
  /** Whose receive function gives the result; undefined: `function` does. */
  readonly server: string | undefined;
  readonly function: Value | undefined;
  readonly kind: PageKind;
  readonly hasAlias: boolean;
  readonly render: (
    message: Message,
    writer: PageWriter,
    data: Value,
    alias?: Value,
  ) => Value | Promise<Value>;
}

/** The default export of a module of pages. The program has run: its globals are there. */
export type PagesModule = (runtime: Runtime) => readonly CompiledPage[];

/** Nothing but reading: a page that sends is refused at its send. */
const PAGE_RIGHTS: Message['entered'] = {
  name: 'template',
  params: [],
  effect: 'reads',
  level: 'reads',
  suspends: false,
  run: () => null,
};

/** The text of a page. Rejects with what the template did not catch. */
export async function renderPage(page: CompiledPage, message: Message, data: Value): Promise<string> {
  message.entered = PAGE_RIGHTS;
  const writer = new PageWriter(page.kind);
  try {
    await (page.hasAlias ? page.render(message, writer, data, data) : page.render(message, writer, data));
  } catch (thrown) {
    throw normalizeFailure(thrown);
  }
  return writer.toString();
}
