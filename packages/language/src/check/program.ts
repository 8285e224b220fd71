// What concerns declarations as a whole: RL2002 (protocols), RL4001, RL4002, RL4003, RL4004.

import type { Span } from '../source.ts';
import type { Receive, Server, TypeExpression } from '../syntax/ast.ts';
import { checkFits } from './calls.ts';
import type { CheckContext } from './context.ts';
import type { TemplateDeclaration } from './declarations.ts';
import type { InferredEffect } from './effect.ts';
import { nearestHint } from './nearest-name.ts';
import { resultsOf } from './results.ts';
import { declaredType, misfit } from './type.ts';

export function checkDeclarations(
  context: CheckContext,
  effects: ReadonlyMap<Receive, InferredEffect>,
): void {
  const { servers, structs, protocols, templates } = context.declarations;
  for (const definitions of servers.values()) {
    for (const server of definitions) {
      checkImplements(server, context);
      checkOfferedName('server', server.name, context);
      const seen = new Set<string>();
      for (const receive of server.receives) {
        const name = receive.name.text;
        if (seen.has(name)) warnTwice(`receive function '${name}'`, receive.name.span, context);
        seen.add(name);
        checkOfferedName('receive function', receive.name, context);
      }
    }
  }
  for (const [what, declared] of [
    ['server', servers],
    ['struct', structs],
    ['protocol', protocols],
  ] as const) {
    for (const [name, definitions] of declared) {
      for (const again of definitions.slice(1)) warnTwice(`${what} '${name}'`, again.name.span, context);
    }
  }
  for (const template of templates) checkTemplate(template, context, effects);
}

function warnTwice(what: string, span: Span, context: CheckContext): void {
  context.report.warning('RL4003', `${what} is defined twice: this one replaces the one before`, span);
}

/** Longer names cannot travel between nodes. */
const OFFERED_NAME_LENGTH = 64;
/** What a server of this name would offer is the node's own. */
const NODES_OWN_NAME = 'rpc';

/** Legal in a program that only runs; what no node may offer to others is told before one tries. */
function checkOfferedName(
  what: 'server' | 'receive function',
  { text, span }: { readonly text: string; readonly span: Span },
  { report }: CheckContext,
): void {
  if (text.length > OFFERED_NAME_LENGTH) {
    const message = `the name of this ${what} has ${text.length} characters; a service or method has at most ${OFFERED_NAME_LENGTH}`;
    report.error('RL4004', message, span, 'a node does not start with it; running the file alone does');
  } else if (what === 'server' && text === NODES_OWN_NAME) {
    const message = `server '${text}' cannot be offered: the name is that of the node itself`;
    report.error('RL4004', message, span, 'a node does not start with it; running the file alone does');
  }
}

function checkImplements(server: Server, context: CheckContext): void {
  const wanted = server.implements;
  if (wanted === undefined || wanted.text === '') return;
  const { declarations, report } = context;
  const protocol = declarations.protocols.get(wanted.text)?.at(-1);
  if (protocol === undefined) {
    const hint = nearestHint(wanted.text, declarations.protocols.keys());
    report.error('RL2002', `undefined protocol: ${wanted.text}`, wanted.span, hint);
    return;
  }
  for (const { name, params, returns } of protocol.methods) {
    const receive = server.receives.findLast((candidate) => candidate.name.text === name.text);
    const subject = `server '${server.name.text}'`;
    if (receive === undefined) {
      const message = `${subject} does not implement '${name.text}' of protocol ${wanted.text}`;
      report.error('RL4001', message, wanted.span);
    } else if (receive.params.length !== params.length) {
      const counts = `${receive.params.length} parameters instead of ${params.length}`;
      const message = `${subject} implements '${name.text}' of protocol ${wanted.text} with ${counts}`;
      report.error('RL4001', message, receive.name.span);
    } else checkPromisedResult(receive, returns, wanted.text, context);
  }
}

/** A server gives what its protocol promises: by its declared result, or by what its body gives. */
function checkPromisedResult(
  receive: Receive,
  promised: TypeExpression | undefined,
  protocol: string,
  context: CheckContext,
): void {
  if (promised === undefined || (promised.kind === 'named' && promised.name === 'nil')) return;
  const what = `result of '${receive.name.text}' of protocol ${protocol}`;
  const { returns, body } = receive;
  if (returns === undefined) {
    for (const part of resultsOf(body)) checkFits(part, promised, true, what, context);
    return;
  }
  const given = declaredType(returns, context.declarations);
  if (given.kind === 'nil') return;
  const reason = misfit(given, promised, context.declarations);
  if (reason !== undefined) context.report.error('RL3006', `${what}: ${reason}`, returns.span);
}

/** `m` is a receive function that exactly one server has, else a plain function. */
function checkTemplate(
  template: TemplateDeclaration,
  context: CheckContext,
  effects: ReadonlyMap<Receive, InferredEffect>,
): void {
  const { report, declarations, resolution } = context;
  const { text, span } = template.method;
  if (text === '') return;
  const owners: string[] = [];
  let writing = false;
  for (const [name, definitions] of declarations.servers) {
    const receive = definitions.at(-1)?.receives.findLast((candidate) => candidate.name.text === text);
    if (receive === undefined) continue;
    owners.push(name);
    writing ||= effects.get(receive)?.level === 'writes';
  }
  if (owners.length === 1 && writing) {
    const hint = 'a GET request has to be safe: pages are fetched ahead and again';
    report.warning('RL4002', `template function '${text}' writes`, span, hint);
  }
  if (owners.length === 1 || resolution.globals.bindings.has(text)) return;
  if (owners.length > 1) {
    const message = `template function '${text}' is ambiguous: servers ${owners.join(', ')} have it`;
    report.error('RL4002', message, span);
    return;
  }
  const known = [...declarations.servers.values()].flatMap((definitions) =>
    definitions.flatMap((server) => server.receives.map((receive) => receive.name.text)),
  );
  const hint = nearestHint(text, [...known, ...resolution.globals.bindings.keys()]);
  report.error('RL4002', `there is no function '${text}' for this template`, span, hint);
}
