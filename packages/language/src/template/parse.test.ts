import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { renderDiagnostic } from '../diagnostic.ts';
import { parseTemplate, type TemplatePart } from './parse.ts';

/** Parts in short: texts as they are, values as `<source>`, forms with their parts in brackets. */
function shown(text: string): unknown {
  const { parts, diagnostics } = parseTemplate({ name: 'page.html', text }, 0);
  assert.deepEqual(diagnostics, []);
  const source = (span: { start: number; end: number }): string => text.slice(span.start, span.end);
  const show = (part: TemplatePart): unknown => {
    switch (part.kind) {
      case 'text':
        return part.text;
      case 'value': {
        const mark = `${part.isRaw ? 'raw ' : ''}${part.isQuoted ? 'quoted ' : ''}`;
        return `<${mark}${source(part.expression.span)}>`;
      }
      case 'if': {
        const branches = [
          part.then.map(show),
          ...(part.otherwise === undefined ? [] : [part.otherwise.map(show)]),
        ];
        return { [`if ${source(part.condition.span)}`]: branches };
      }
      case 'for':
        return { [`for ${part.variable.text} in ${source(part.iterable.span)}`]: part.body.map(show) };
      default:
        return part satisfies never;
    }
  };
  return parts.map(show);
}

const READ: readonly { why: string; text: string; parts: unknown }[] = [
  { why: 'plain text', text: 'a { b } c', parts: ['a { b } c'] },
  { why: 'nothing', text: '', parts: [] },
  { why: 'a value', text: 'Hi @{name}!', parts: ['Hi ', '<name>', '!'] },
  { why: 'two values in a row', text: '@{a}@{b}', parts: ['<a>', '<b>'] },
  { why: 'a raw value', text: '@raw{html}', parts: ['<raw html>'] },
  { why: 'a value between quotes', text: '"@{a}" "@{b} "', parts: ['"', '<quoted a>', '" "', '<b>', ' "'] },
  { why: 'braces in code', text: '@{ {a: {b: 1}}.a.b }.', parts: ['<{a: {b: 1}}.a.b>', '.'] },
  { why: 'braces in a string', text: '@{ "}" + "\\"}" }.', parts: ['<"}" + "\\"}">', '.'] },
  { why: 'a brace in a comment', text: '@{ a /* } */ + b // }\n }.', parts: ['<a /* } */ + b>', '.'] },
  {
    why: 'a lambda over lines',
    text: '@{xs.map(fn(x) {\n  x.y\n})}',
    parts: ['<xs.map(fn(x) {\n  x.y\n})>'],
  },
  { why: 'an escaped at', text: 'me@@here @@{x}', parts: ['me@here @{x}'] },
  {
    why: 'other at signs',
    text: 'a@b.c @ @media (x) { } @raw @iff(x)',
    parts: ['a@b.c @ @media (x) { } @raw @iff(x)'],
  },
  { why: 'a condition', text: '@if(a) {b}c', parts: [{ 'if a': [['b']] }, 'c'] },
  { why: 'blanks and lines before the body', text: '@if (a)\n{b}', parts: [{ 'if a': [['b']] }] },
  { why: 'else', text: '@if(a) {b} else {c} d', parts: [{ 'if a': [['b'], ['c']] }, ' d'] },
  {
    why: 'else if',
    text: '@if(a) {b}\nelse if(x == ")") {c} else {d}',
    parts: [{ 'if a': [['b'], [{ 'if x == ")"': [['c'], ['d']] }]] }],
  },
  { why: 'the word else without a body', text: '@if(a) {b} else c', parts: [{ 'if a': [['b']] }, ' else c'] },
  { why: 'balanced braces in a body', text: '@if(a) {p { q { } }}', parts: [{ 'if a': [['p { q { } }']] }] },
  {
    why: 'forms in forms',
    text: '@for(p in posts) {[@{p.t}@if(p.x) {!}]}',
    parts: [{ 'for p in posts': ['[', '<p.t>', { 'if p.x': [['!']] }, ']'] }],
  },
  { why: 'a byte-order mark', text: '\uFEFFa', parts: ['a'] },
];

describe('template', () => {
  for (const { why, text, parts } of READ) it(`reads ${why}`, () => assert.deepEqual(shown(text), parts));

  for (const { why, text, message } of [
    {
      why: 'a value without end',
      text: 'a\n  @{b',
      message: "page.html:2:3: error: '@{' is not closed [RL1012]",
    },
    { why: 'an empty value', text: '@{ }', message: 'page.html:1:2: error: expected an expression [RL1010]' },
    {
      why: 'two expressions',
      text: 'x @{a b}',
      message: "page.html:1:7: error: unexpected 'b', expected the end of the expression [RL1010]",
    },
    {
      why: 'a body without end',
      text: '@if(a) {\n b',
      message: "page.html:1:8: error: '{' is not closed [RL1012]",
    },
    {
      why: 'a condition without body',
      text: '@if(a) b',
      message: "page.html:1:6: error: expected '{' after @if(…) [RL1010]",
    },
    {
      why: 'an empty condition',
      text: '@if() { }',
      message: 'page.html:1:4: error: expected a condition [RL1010]',
    },
    {
      why: 'a loop without in',
      text: '@for(x of y) { }',
      message: "page.html:1:8: error: unexpected 'of', expected 'in' [RL1010]",
    },
    {
      why: 'a keyword as loop variable',
      text: '@for(if in y) { }',
      message: "page.html:1:6: error: 'if' is a keyword and cannot name a loop variable [RL1013]",
    },
    {
      why: 'a bad character',
      text: '\n@{ a # b }',
      message: "page.html:2:6: error: unexpected character '#' [RL1001]",
    },
    {
      why: 'forms nested too deeply',
      text: '@if(a) {'.repeat(101),
      message: 'page.html:1:808: error: nested more than 100 levels deep [RL1010]',
    },
  ]) {
    it(`reports ${why} at its place`, () => {
      const source = { name: 'page.html', text };
      const { diagnostics } = parseTemplate(source, 0);
      const lines = diagnostics.map((one) => renderDiagnostic(one, [source]).split('\n')[0]);
      assert.ok(lines.includes(message), lines.join('\n'));
    });
  }

  it('reads on after an error', () => {
    const { parts, diagnostics } = parseTemplate({ name: 'p', text: '@{a b}a@{b c}@{d}' }, 0);
    assert.equal(diagnostics.length, 2);
    assert.deepEqual(
      parts.map(({ kind }) => kind),
      ['text', 'value'],
    );
  });

  it('never throws, and its spans lie within the text', () => {
    const piece = fc.constantFrom(
      '@',
      '@{',
      '@raw{',
      '@if(',
      '@for(',
      'x in y',
      '{',
      '}',
      '(',
      ')',
      ' else ',
      'if(',
      '"',
      '\\',
      '/*',
      '//',
      '\n',
      'a',
      '@@',
      '+',
      '[',
      '😀',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
          fc.string(),
        ),
        (text) => {
          const { diagnostics } = parseTemplate({ name: 'p', text }, 0);
          for (const { span } of diagnostics) {
            assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('reads a long template in linear time', () => {
    const began = performance.now();
    const { parts } = parseTemplate({ name: 'p', text: '@if(a) { x @{b} } '.repeat(20_000) }, 0);
    assert.equal(parts.length, 40_000);
    assert.ok(performance.now() - began < 5_000);
  });
});
