import assert from 'node:assert/strict';
import { it } from 'node:test';
import { renderDiagnostic } from './diagnostic.ts';

function render(text: string, start: number, end: number, hint?: string): string {
  return renderDiagnostic(
    {
      code: 'RL2001',
      severity: 'error',
      message: 'undefined variable: pots',
      span: { file: 0, start, end },
      ...(hint === undefined ? {} : { hint }),
    },
    [{ name: 'blog.rl', text }],
  );
}

it('underlines the span below its line and adds the hint', () => {
  const text = `${'\n'.repeat(11)}    pots.length\n`;
  assert.equal(
    render(text, 15, 19, "did you mean 'posts'?"),
    [
      'blog.rl:12:5: error: undefined variable: pots [RL2001]',
      '   12 |     pots.length',
      '      |     ^^^^',
      "  hint: did you mean 'posts'?",
    ].join('\n'),
  );
});

it('counts columns and carets in code points', () => {
  assert.equal(
    render('"😀" + 😀😀', 7, 11),
    ['blog.rl:1:7: error: undefined variable: pots [RL2001]', '   1 | "😀" + 😀😀', '     |       ^^'].join(
      '\n',
    ),
  );
});

it('keeps tabs, and cuts a long span at the end of its line', () => {
  assert.equal(
    render('\tab\r\nc', 1, 6),
    ['blog.rl:1:2: error: undefined variable: pots [RL2001]', '   1 | \tab', '     | \t^^'].join('\n'),
  );
});

it('shows the end of a file', () => {
  assert.equal(
    render('a\n', 2, 2),
    ['blog.rl:2:1: error: undefined variable: pots [RL2001]', '   2 | ', '     | ^'].join('\n'),
  );
});
