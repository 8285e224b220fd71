// relay demo: a whole federation on one machine, started, asked and checked. cli.md §8.2.

import { once } from 'node:events';
import type { Command, CommandContext } from '../context.ts';
import { CHECKS, type CheckResult, type Exchange, runCheck } from '../demo/checks.ts';
import { type DemoFederation, NODE_NAMES, startFederation } from '../demo/federation.ts';
import { asArray, asObject } from '../json.ts';
import { parseOptions } from '../options.ts';
import { escapeControls, paint } from '../terminal.ts';
import { usageError } from '../usage.ts';
import { renderRoute } from './call.ts';
import { serviceSection } from './status.ts';

const OPTIONS = { keep: 'flag', json: 'flag' } as const;

export const demo: Command = async (argv, context) => {
  const options = parseOptions(argv, OPTIONS);
  if (options.words.length > 0) throw usageError(`unexpected argument: ${options.words[0]}`);
  const isQuiet = options.has('json');
  const say = (text: string): void => {
    if (!isQuiet) context.out(`${text}\n`);
  };

  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.on('SIGINT', abort).on('SIGTERM', abort).on('SIGHUP', abort);

  let federation: DemoFederation;
  try {
    say('Starting a federation of two Main Relays and three Home Relays:\n');
    federation = await startFederation({
      env: childEnvironment(context),
      onStart: (line) => say(`  ${line}`),
      signal: stop.signal,
    });
  } catch (error) {
    if (stop.signal.aborted) return 1;
    throw error;
  }
  try {
    const results: CheckResult[] = [];
    for (const [index, check] of CHECKS.entries()) {
      if (stop.signal.aborted) return 1;
      const result = await runCheck(check, federation);
      results.push(result);
      say(renderCheck(index + 1, result, context));
    }
    const passed = results.filter((result) => result.ok).length;
    const isOk = passed === CHECKS.length;
    if (!isQuiet) await showRegistries(federation, say);
    if (isQuiet) context.out(`${JSON.stringify(summary(results, passed), null, 2)}\n`);
    else say(renderVerdict(results, passed, context));
    if (options.has('keep') && !stop.signal.aborted) {
      say(renderKept(federation));
      await once(stop.signal, 'abort');
    }
    return isOk ? 0 : 1;
  } finally {
    await federation.stop();
  }
};

/** What this process was told about its own role must not reach the nodes of the demo. */
function childEnvironment({ env }: CommandContext): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('RELAY_') || name === 'RELAY_HOME');
  return Object.fromEntries(kept);
}

function renderCheck(number: number, result: CheckResult, { screen }: CommandContext): string {
  const mark = result.ok ? paint(screen, 'green', 'ok') : paint(screen, 'red', 'FAILED');
  const lines = [`\n${number}. ${result.title}`];
  for (const exchange of result.exchanges) {
    lines.push(`   request  ${renderRequest(exchange)}`);
    lines.push(`   answer   ${escapeControls(JSON.stringify(exchange.shown))}`);
    if (exchange.trace !== undefined) lines.push(`   path     ${renderRoute(exchange.trace)}`);
    for (const problem of exchange.problems) lines.push(`   ${paint(screen, 'red', 'wrong')}    ${problem}`);
  }
  lines.push(`   check    ${mark}`);
  return lines.join('\n');
}

function renderRequest({ node, request }: Exchange): string {
  return typeof request === 'string'
    ? `GET ${request} at ${node}`
    : `POST /rpc at ${node}: ${JSON.stringify(request)}`;
}

async function showRegistries(federation: DemoFederation, say: (text: string) => void): Promise<void> {
  for (const node of ['relay-a.com', 'relay-b.com'] as const) {
    const registry = asObject(await federation.get(node, '/federation/registry'));
    const services = [...asArray(registry['local']), ...asArray(registry['federated'])].map(asObject);
    say(`\nRegistry of ${node}:${serviceSection(services).join('\n')}`);
  }
}

function renderVerdict(results: readonly CheckResult[], passed: number, { screen }: CommandContext): string {
  const total = CHECKS.length;
  if (passed === total) return `\n${paint(screen, 'green', `Demo OK (${passed} of ${total} checks)`)}`;
  const failed = results.flatMap((result, index) => (result.ok ? [] : [`  ${index + 1}. ${result.title}`]));
  return `\n${paint(screen, 'red', `Demo failed (${passed} of ${total} checks)`)}\n${failed.join('\n')}`;
}

function summary(results: readonly CheckResult[], passed: number): object {
  return {
    ok: passed === CHECKS.length,
    passed,
    total: CHECKS.length,
    checks: results.map(({ title, ok, exchanges }) => ({
      title,
      ok,
      exchanges: exchanges.map(({ node, request, answer, problems }) => ({
        node,
        request,
        answer,
        problems,
      })),
    })),
  };
}

function renderKept({ urls }: DemoFederation): string {
  const call = (url: string, params: object): string =>
    `curl -X POST ${url}/rpc -d '${JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 })}'`;
  const shop = { node_id: 'bob.home@relay-a.com', server_name: 'shop_service', method: 'get_products' };
  return [
    '\nThe federation is running:\n',
    ...NODE_NAMES.map((name) => `  ${name.padEnd(14)}${urls[name]}`),
    '\nTry:\n',
    `  curl ${urls['relay-a.com']}/federation/registry`,
    `  ${call(urls['relay-a.com'], shop)}`,
    `  ${call(urls['relay-b.com'], { service_name: 'blog_service', method: 'get_posts', trace: true })}`,
    `  ./relay status --main ${urls['relay-a.com']}`,
    '\nPress Ctrl+C to stop',
  ].join('\n');
}
