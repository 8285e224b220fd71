// Commands to text. Which groups stand on one line is decided by the width, as in the pretty printers of Oppen and Wadler.

/** Something that stands on one line, or is spread over several. */
export interface Group {
  /** Spread whatever the width is. */
  isForced: boolean;
  /** Decided when the printer reaches it. */
  isBroken: boolean;
  /** The last thing in it, which may be spread instead of the group itself. */
  hugged: Group | undefined;
  /** Groups that are spread together if they do not fit on one line. */
  readonly siblings: readonly Group[];
}

export type Command =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'comment'; readonly text: string }
  /** A line break if the group is spread. */
  | { readonly kind: 'line'; readonly group: Group; readonly flat: string }
  /** A line break if what follows does not fit, whatever the group is. */
  | { readonly kind: 'fill'; readonly flat: string }
  | { readonly kind: 'hard'; readonly isBlank: boolean }
  /** Before `else` and `catch`: on a line of its own only behind a body on one line, if the author wants it so. */
  | { readonly kind: 'else'; readonly body: Group; readonly hasBreak: boolean }
  /** A comment at the end of a line; a line break follows. */
  | { readonly kind: 'trailing'; readonly text: string; readonly column: number | undefined }
  | { readonly kind: 'open' | 'close' | 'indent' | 'dedent'; readonly group: Group };

export function createGroup(siblings: readonly Group[] = []): Group {
  return { isForced: false, isBroken: false, hugged: undefined, siblings };
}

const INDENT = '    ';

export class Printer {
  readonly #commands: readonly Command[];
  readonly #width: number;
  #out = '';
  #column = 0;
  #level = 0;
  /** Nothing but indentation stands on the line so far. */
  #isAtStart = true;

  constructor(commands: readonly Command[], width: number) {
    this.#commands = commands;
    this.#width = width;
  }

  print(): string {
    this.#commands.forEach((command, index) => {
      this.#step(command, index);
    });
    return this.#out;
  }

  #step(command: Command, index: number): void {
    switch (command.kind) {
      case 'text':
        this.#text(command.text);
        return;
      case 'comment':
        this.#comment(command.text);
        return;
      case 'line':
        if (command.group.isBroken) this.#break(false);
        else this.#text(command.flat);
        return;
      case 'fill':
        if (this.#fits(index + 1, this.#column + command.flat.length, undefined)) this.#text(command.flat);
        else this.#break(false);
        return;
      case 'hard':
        this.#break(command.isBlank);
        return;
      case 'else':
        if (command.hasBreak && !command.body.isBroken) this.#break(false);
        else this.#text(' ');
        return;
      case 'trailing':
        if (!this.#isAtStart) this.#text(' '.repeat(Math.max(1, (command.column ?? 0) - this.#column)));
        this.#comment(command.text);
        return;
      case 'open':
        this.#open(command.group, index);
        return;
      case 'indent':
        if (command.group.isBroken) this.#level += 1;
        return;
      case 'dedent':
        if (command.group.isBroken) this.#level -= 1;
        return;
      case 'close':
        return;
    }
  }

  #open(group: Group, index: number): void {
    if (group.siblings.length > 0) {
      const isFree = group.siblings.every((body) => !body.isForced) && !group.isForced;
      if (isFree && !this.#fits(index + 1, this.#column, group)) {
        for (const body of group.siblings) body.isForced = true;
      }
      return;
    }
    group.isBroken = group.isForced;
    if (group.isBroken || this.#fits(index + 1, this.#column, group)) return;
    const { hugged } = group;
    if (hugged !== undefined && !hugged.isForced) {
      hugged.isForced = true;
      if (this.#fits(index + 1, this.#column, group)) return;
      hugged.isForced = false;
    }
    group.isBroken = true;
  }

  /**
   * Whether what follows fits on the line, with `group` on one line, up to the first place behind it where the line may be broken.
   * Without a group that is the first place at all.
   */
  #fits(from: number, column: number, group: Group | undefined): boolean {
    let at = column;
    let isInside = group !== undefined;
    const later = new Set<Group>();
    for (let index = from; index < this.#commands.length; index += 1) {
      const command = this.#commands[index]!;
      switch (command.kind) {
        case 'comment':
        case 'text': {
          const lineBreak = command.text.indexOf('\n');
          if (lineBreak >= 0) return at + widthOf(command.text.slice(0, lineBreak)) <= this.#width;
          at += widthOf(command.text);
          break;
        }
        case 'line':
          if (command.group.isForced || later.has(command.group)) return true;
          // Of groups opened before, the decision is known.
          if (!isInside && command.group.isBroken) return true;
          at += command.flat.length;
          break;
        case 'fill':
        case 'hard':
        case 'trailing':
          return true;
        case 'else':
          if (command.hasBreak) return true;
          at += 1;
          break;
        case 'open':
          if (!isInside) later.add(command.group);
          break;
        case 'close':
          if (command.group === group) isInside = false;
          break;
        default:
      }
      if (at > this.#width) return false;
    }
    return true;
  }

  #text(text: string): void {
    // No blanks at the end of a line, nor beside those of the indentation.
    if (text === '' || (this.#isAtStart && text === ' ')) return;
    if (this.#isAtStart) this.#out += INDENT.repeat(this.#level);
    this.#isAtStart = false;
    this.#out += text;
    const lineBreak = text.lastIndexOf('\n');
    this.#column = lineBreak < 0 ? this.#column + widthOf(text) : widthOf(text.slice(lineBreak + 1));
  }

  /** Lines of a block comment that begin with a star stand below the one of the first line. */
  #comment(text: string): void {
    const [first = '', ...others] = text.split('\n');
    const column = this.#isAtStart ? INDENT.length * this.#level : this.#column;
    const lines = others.map((line) =>
      /^\s*\*/.test(line) ? ' '.repeat(column + 1) + line.trimStart() : line,
    );
    this.#text([first, ...lines].join('\n'));
  }

  #break(isBlank: boolean): void {
    this.#out += isBlank ? '\n\n' : '\n';
    this.#column = INDENT.length * this.#level;
    this.#isAtStart = true;
  }
}

/** Columns count code points. */
function widthOf(text: string): number {
  let width = 0;
  for (const _ of text) width += 1;
  return width;
}
