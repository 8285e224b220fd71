// Programs for tests: every form of the grammar, in any nesting, written with as few or as many blanks as is allowed.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { parseFile } from '../syntax/parser.ts';

const word = fc.constantFrom('a', 'b', 'items', 'value', 'a_rather_long_name_of_a_variable', 'xs');
const member = fc.oneof(word, fc.constantFrom('if', 'length', 'set', 'state'));
const blank = fc.constantFrom('', ' ', '\n', '  ');
const separator = fc.constantFrom('\n', '\n\n', '; ', '\n// comment\n', ' // end\n', '\n/* block */ ');
const text = fc.constantFrom(
  '""',
  '"text"',
  '"two\nlines"',
  '"\\u0041 and \\" quote"',
  '"a somewhat longer text for the width"',
);
const type = fc.constantFrom(
  'string',
  'number.min(-1).max(2)',
  '[string]',
  '{string:any}',
  'optional(P)',
  'fn(a:number,P)->nil',
  '[ [number] ]',
);
const params = fc
  .array(fc.tuple(word, fc.option(type)), { maxLength: 3 })
  .map((all) => [...new Map(all)].map(([name, its]) => (its === null ? name : `${name} :${its}`)).join(','));

/** What a list holds, with or without line breaks and a comma at the end. */
function list(entry: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(entry, { maxLength: 4 }), blank, blank, fc.boolean())
    .map(
      ([all, first, glue, isClosed]) =>
        `${first}${all.join(`,${glue}`)}${isClosed && all.length > 0 ? ',' : ''}${first}`,
    );
}

const { expression, body } = fc.letrec<{
  expression: string;
  form: string;
  operand: string;
  primary: string;
  body: string;
  entries: string;
}>((tie) => {
  const entry = fc.tuple(fc.oneof(member, text, fc.constant(':sym')), blank, tie('expression'));
  return {
    entries: list(entry.map(([key, gap, value]) => `${key}:${gap} ${value}`)),
    body: fc
      .tuple(blank, fc.array(tie('expression'), { maxLength: 3 }), separator)
      // An object right behind the brace would be the mistake of a body that is an object.
      .map(([gap, items, glue]) => `{${gap} ${items.map((item) => `(${item})`).join(glue)}\n}`),
    primary: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'program', withCrossShrink: true },
      fc.oneof(
        word,
        text,
        fc.constantFrom('1', '2.5e3', '.5', 'nil', 'true', '2024-01-02T03:04:05Z', ':sym', 'state'),
      ),
      list(tie('expression')).map((inner) => `[${inner}]`),
      tie('entries').map((inner) => `{${inner}}`),
      tie('entries').map((inner) => `P{${inner}}`),
      fc.tuple(member, tie('entries')).map(([name, inner]) => `send "s" ${name}{${inner}}`),
      fc.tuple(params, tie('body')).map(([names, inner]) => `fn(${names})${inner}`),
      tie('expression').map((inner) => `(${inner})`),
    ),
    operand: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'program', withCrossShrink: true },
      tie('primary'),
      fc
        .tuple(tie('primary'), blank, member, list(tie('expression')))
        .map(([of, gap, name, args]) => `${of}${gap}.${name}(${args})`),
      fc.tuple(tie('primary'), blank, member).map(([of, gap, name]) => `${of}${gap}.${name}`),
      fc.tuple(tie('primary'), tie('expression')).map(([of, index]) => `${of}[${index}]`),
      fc.tuple(tie('primary'), list(tie('expression'))).map(([of, args]) => `${of}(${args})`),
      fc.tuple(fc.constantFrom('-', '!', '- -'), tie('primary')).map(([sign, of]) => `${sign}${of}`),
    ),
    form: fc.oneof(
      fc
        .tuple(word, fc.option(type), tie('expression'))
        .map(([name, its, value]) => `set ${name}${its === null ? '' : `:${its}`}=${value}`),
      fc
        .tuple(tie('operand'), tie('body'), blank, tie('body'))
        .map(([head, then, gap, other]) => `if(${head})${then}${gap}else if b ${other}else${then}`),
      fc
        .tuple(word, tie('operand'), tie('body'))
        .map(([name, head, inner]) => `for ${name} in (${head})${inner}`),
      fc
        .tuple(tie('body'), blank, tie('body'))
        .map(([first, gap, second]) => `try${first}${gap}catch e${second}`),
      fc
        .tuple(word, tie('expression'), tie('expression'))
        .map(([head, one, two]) => `dispatch ${head}{-1:${one},\n:default:${two}}`),
      fc.tuple(word, params, tie('body')).map(([name, names, inner]) => `fn ${name}(${names})${inner}`),
      tie('expression').map((value) => `throw ${value}`),
    ),
    expression: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'program', withCrossShrink: true },
      tie('operand'),
      fc
        .array(
          fc.tuple(
            tie('operand'),
            fc.constantFrom('+', '- ', '*', '/ ', '==', '&&', '||', '??', '<=', '%'),
            blank,
          ),
          { minLength: 1, maxLength: 4 },
        )
        .map((parts) => `${parts.map(([of, sign, gap]) => `${of} ${sign}${gap}`).join('')}value`),
      tie('form'),
    ),
  };
});

const field = fc.tuple(member, type).map(([name, its]) => `${name} : ${its}`);
const fields = fc
  .uniqueArray(field, { maxLength: 3, selector: (one) => one.split(' ')[0] })
  .chain((all) => fc.constantFrom(',', ';', '\n', ' ', ', // c\n').map((glue) => all.join(glue)));

const declaration = fc.oneof(
  fields.map((all) => `struct P {${all}}`),
  fc.tuple(member, params, type).map(([name, names, its]) => `protocol Q{${name}(${names})->${its};other()}`),
  fc
    .tuple(fields, expression, member, params, body, separator)
    .map(
      ([all, initial, name, names, inner, glue]) =>
        `server s implements Q {state{${all}\nfirst:any=${initial}}${glue}receive fn ${name}(${names})->any${inner} receive fn last(){}}`,
    ),
  params.map((names) => `template "a.html" from f(${names})`),
  expression.map((value) => `config { port: 1, limits: {steps: ${value}} }`),
);

/** A whole file that parses without errors. */
export const program: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.oneof(
        declaration,
        expression.map((item) => `(${item})`),
      ),
      separator,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((items) => items.map(([item, glue]) => item + glue).join(''));

it('generates programs that can be read', () => {
  fc.assert(
    fc.property(program, (text) =>
      assert.deepEqual(parseFile({ name: 'a.rl', text }, 0).diagnostics, [], text),
    ),
    { numRuns: 50 },
  );
});
