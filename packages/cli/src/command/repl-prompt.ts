// The session as its prompt sees it, line by line, whether a person types or a pipe feeds it: gathers lines to inputs, runs commands,
// shows what happened. language.md §21.

import type { ReplEvent } from '@relay/host';
import {
  completionsAt,
  type Diagnostic,
  type Item,
  needsMoreInput,
  parseFile,
  printTree,
  type ServiceInterface,
  type TypeAnswer,
} from '@relay/language';
import { VERSION } from '../version.ts';

/** What the prompt needs of a session. */
export interface PromptSession {
  readonly items: readonly Item[];
  readonly services: readonly ServiceInterface[];
  /** The index of a text that is rendered beside those of the session. */
  readonly fileCount: number;
  enter(text: string): AsyncIterable<ReplEvent>;
  load(file: string): AsyncIterable<ReplEvent>;
  typeOf(text: string): TypeAnswer;
  render(diagnostic: Diagnostic, name: string, text: string): string;
}

export interface PromptPorts {
  readonly session: PromptSession;
  /** A line of output. */
  readonly out: (line: string) => void;
  /** A line about an error. */
  readonly err: (line: string) => void;
  readonly clear: () => void;
}

interface CommandHelp {
  readonly names: readonly string[];
  readonly argument?: string;
  readonly meaning: string;
}

const COMMANDS = [
  { names: [':help', ':h'], meaning: 'this list' },
  { names: [':quit', ':q', ':exit'], meaning: 'leave, as Ctrl+D' },
  { names: [':clear', ':cls', ':c'], meaning: 'clear the screen' },
  { names: [':examples', ':ex'], meaning: 'things to try' },
  { names: [':version', ':v'], meaning: 'the version' },
  { names: [':load'], argument: 'FILE', meaning: 'run a program file in this session' },
  { names: [':type'], argument: 'EXPR', meaning: 'the type of an expression, without running it' },
  { names: [':effects'], meaning: 'what each receive function may do' },
  { names: [':ast'], meaning: 'show trees instead of running, and back' },
] as const satisfies readonly CommandHelp[];

type CommandName = (typeof COMMANDS)[number]['names'][0];

const EXAMPLES = `set xs = [3, 1, 2]
xs.sort_by(fn(x) { x }).map(fn(x) { x * 10 })
fn greet(name) { "Hello " + name }
greet("Ada")
struct Post { title: string.min(1), likes: number }
set post = Post{title: "First", likes: 0}
post.set("likes", post.likes + 1)
server counter {
    state { n: number = 0 }
    receive fn add(by: number) -> number { state.set("n", state.n + by) }
}
send "counter" add { by: 2 }
try { 1 / 0 } catch e { e.error }`;

export class Prompt {
  readonly #ports: PromptPorts;
  #pending = '';
  #showsTrees = false;
  #isOver = false;

  constructor(ports: PromptPorts) {
    this.#ports = ports;
  }

  get text(): string {
    return this.#pending === '' ? 'relay> ' : '    | ';
  }

  /** A command asked to leave. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async line(line: string): Promise<void> {
    if (this.#pending === '') {
      const [word = '', argument] = split(line);
      const command = COMMANDS.find(({ names }) => (names as readonly string[]).includes(word));
      if (command !== undefined) {
        await this.#command(command.names[0], argument);
        return;
      }
    }
    const isEnd = this.#pending !== '' && line.trim() === '';
    this.#pending += `${line}\n`;
    if (isEnd || !needsMoreInput(this.#pending)) await this.end();
  }

  /** Nothing follows: what was gathered is all there is. */
  async end(): Promise<void> {
    const text = this.#pending.trimEnd();
    this.#pending = '';
    if (text.trim() === '') return;
    if (this.#showsTrees) this.#trees(text);
    else await this.#show(this.#ports.session.enter(text));
  }

  /** Forgets what was gathered. */
  cancel(): void {
    this.#pending = '';
  }

  /** For the Tab key: what may stand at the end of a line, and the part of it that is replaced. */
  complete(line: string): [readonly string[], string] {
    if (this.#pending === '' && /^:\w*$/.test(line)) {
      const names = COMMANDS.flatMap(({ names: all }) => all as readonly string[]);
      return [names.filter((name) => name.startsWith(line)), line];
    }
    const code = line.replace(/^:type\s/, '      ');
    const text = this.#pending + code;
    const { start, items } = completionsAt({
      text,
      offset: text.length,
      known: this.#ports.session.items,
    });
    return [items.map(({ label }) => label), text.slice(start)];
  }

  /** Runs a file; says how it went if it was not asked for at the prompt. */
  async load(file: string): Promise<void> {
    await this.#show(this.#ports.session.load(file), true);
  }

  async #command(name: CommandName, argument: string): Promise<void> {
    const { out, err, clear } = this.#ports;
    switch (name) {
      case ':help':
        for (const row of helpLines()) out(row);
        return;
      case ':quit':
        out('Goodbye!');
        this.#isOver = true;
        return;
      case ':clear':
        clear();
        return;
      case ':examples':
        out(EXAMPLES);
        return;
      case ':version':
        out(`Relay v${VERSION}`);
        return;
      case ':load':
        if (argument === '') err('Error: :load needs a file');
        else await this.load(argument);
        return;
      case ':type':
        this.#type(argument);
        return;
      case ':effects':
        this.#effects();
        return;
      case ':ast':
        this.#showsTrees = !this.#showsTrees;
        out(this.#showsTrees ? 'Inputs are shown as trees; :ast again runs them' : 'Inputs are run');
        return;
      default:
        name satisfies never;
    }
  }

  async #show(events: AsyncIterable<ReplEvent>, isFile = false): Promise<void> {
    const { out, err } = this.#ports;
    for await (const event of events) {
      switch (event.kind) {
        case 'finding':
          err(event.text);
          break;
        case 'value':
          if (isFile) out(event.shown === 'nil' ? 'Loaded' : `Result: ${event.shown}`);
          else out(event.variable === undefined ? event.shown : `${event.variable} = ${event.shown}`);
          break;
        case 'failed':
          err(`Error: ${event.error}`);
          if (event.hint !== undefined) err(`  hint: ${event.hint}`);
          break;
        case 'interrupted':
          err('Interrupted');
          break;
        case 'ended':
          err(`Error: the session was ended: ${event.why}; it begins anew, without what was defined`);
          break;
        default:
          event satisfies never;
      }
    }
  }

  #type(text: string): void {
    const { session, out, err } = this.#ports;
    const answer = session.typeOf(text);
    if (answer.ok) out(answer.type);
    else for (const diagnostic of answer.diagnostics) err(session.render(diagnostic, ':type', text));
  }

  #effects(): void {
    const { session, out } = this.#ports;
    const rows = session.services.flatMap(({ name, methods }) =>
      methods.map((method) => `${name}.${method.name}: ${effectText(method)}`),
    );
    for (const row of rows.length === 0 ? ['no receive functions yet'] : rows) out(row);
  }

  #trees(text: string): void {
    const { session, out, err } = this.#ports;
    const { items, diagnostics } = parseFile({ name: ':ast', text }, session.fileCount);
    for (const item of items) out(printTree(item));
    for (const diagnostic of diagnostics) err(session.render(diagnostic, ':ast', text));
  }
}

/** A line as its first word and the rest. */
function split(line: string): [word: string, rest: string] {
  const trimmed = line.trim();
  const word = /^\S*/.exec(trimmed)?.[0] ?? '';
  return [word, trimmed.slice(word.length).trim()];
}

function effectText({ effect, level }: ServiceInterface['methods'][number]): string {
  return effect === 'calls' ? `calls(${level})` : effect;
}

function helpLines(): readonly string[] {
  const rows = COMMANDS.map((row: CommandHelp) => {
    const argument = row.argument === undefined ? '' : ` ${row.argument}`;
    return [`${row.names.join(' ')}${argument}`, row.meaning] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`),
    '',
    'Everything else is a program. An open bracket, or a line that must go on, asks for more; an empty line ends that.',
    'Tab completes, Ctrl+C clears the input or ends what runs, Ctrl+D leaves. relay docs lists the built-ins.',
  ];
}
