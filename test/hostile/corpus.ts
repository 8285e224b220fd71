// Programs that mean harm, or do it by accident. Each row says why it is here and how it has to end.

/** How a handler ends: by a budget, by an error or throw whose text contains this, or with a value as JSON. */
export type Ending =
  | { readonly budget: string }
  /** Whichever of its budgets it meets first. */
  | { readonly anyBudget: true }
  | { readonly error: string }
  | { readonly value: unknown };

export interface Handler {
  readonly why: string;
  /** Body of a receive function of its own server, which has a state field `kept` without a type. */
  readonly body: string;
  readonly ends: Ending;
  /** Declarations beside the server. */
  readonly beside?: string;
}

/** Two blanks stand for a line break. */
const row = (why: string, body: string, ends: Ending, beside = ''): Handler => ({
  why,
  body: body.replaceAll('  ', '\n'),
  ends,
  beside: beside.replaceAll('  ', '\n'),
});
const budget = (name: string): Ending => ({ budget: name });
const error = (text: string): Ending => ({ error: text });
const value = (json: unknown): Ending => ({ value: json });
const ANY: Ending = { anyBudget: true };

/** A text of 2^n characters. */
const text = (n: number): string => `set s = "a"  for i in range(${n}) { set s = s + s }`;

const LOOPS: readonly Handler[] = [
  row('an endless loop', 'while true { }', budget('steps')),
  row('an endless loop that computes', 'set n = 0  while true { set n = n + 1 }', budget('steps')),
  row('an endless loop whose condition calls', 'while yes() { }', budget('steps'), 'fn yes() { true }'),
  row('an endless loop within try', 'try { while true { } } catch e { 1 }', budget('steps')),
  row('an endless loop that catches itself', 'while true { try { throw 1 } catch e { } }', ANY),
  row('an endless loop of failing operations', 'while true { try { 1 / 0 } catch { } }', ANY),
  row('an endless loop in a condition', 'if { while true { } true } { 1 }', budget('steps')),
  row('an endless loop in an argument', 'len({ while true { } "" })', budget('steps')),
  row('an endless loop in a callback', '[1].map(fn(x) { while true { } })', budget('steps')),
  row('an endless loop in a sort key', '[1, 2].sort_by(fn(x) { while true { } })', budget('steps')),
  row('an endless loop in a dispatch arm', 'dispatch 1 { 1: fn() { while true { } } }', budget('steps')),
  row('nested loops that multiply', 'for a in range(9999) { for b in range(9999) { } }', budget('steps')),
  row('nested callbacks that multiply', 'range(9999).map(fn(a) { range(9999).map(fn(b) { b }) })', ANY),
  row('a loop over what it makes longer', 'set xs = [1]  while xs.length > 0 { set xs = xs.push(1) }', ANY),
  row('a closure that calls what it is given', 'set f = fn(g) { g(g) }  f(f)', budget('depth')),
  row('a loop of lookups that fail', 'while true { [].find(fn(x) { true }) }', budget('steps')),
  row('a loop of prints', 'while true { print("x") }', ANY),
  row('a loop of large prints', `${text(20)}  while true { print(s) }`, ANY),
  row('a loop of logs', 'while true { log("warn", [1, 2, 3]) }', ANY),
  row('a print of one text very often', `${text(22)}  print(s, s, s, s)`, budget('string length')),
];

const RECURSION: readonly Handler[] = [
  row('endless recursion', 'down()', budget('depth'), 'fn down() { down() }'),
  row('endless recursion that adds', 'grow(1)', budget('depth'), 'fn grow(n) { 1 + grow(n + 1) }'),
  row(
    'mutual recursion',
    'ping_it()',
    budget('depth'),
    'fn ping_it() { pong_it() }  fn pong_it() { ping_it() }',
  ),
  row('recursion through a callback', 'set f = fn(f) { [f].map(fn(g) { g(g) }) }  f(f)', budget('depth')),
  row(
    'recursion through reduce',
    'set f = fn(f) { [f, f].reduce(fn(a, g) { g(g) }, 0) }  f(f)',
    budget('depth'),
  ),
  row('recursion through sort_by', 'set f = fn(f) { [f].sort_by(fn(g) { g(g) }) }  f(f)', budget('depth')),
  row(
    'recursion through a field',
    'set o = {}  set o = o.set("f", fn(o) { o.f(o) })  o.f(o)',
    budget('depth'),
  ),
  row('recursion through dispatch', 'again()', budget('depth'), 'fn again() { dispatch 1 { 1: again } }'),
  row(
    'recursion within try',
    'tried()',
    budget('depth'),
    'fn tried() { try { tried() } catch e { tried() } }',
  ),
  row('a tree of calls', 'fib(50)', ANY, 'fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }'),
  row(
    'Ackermann',
    'ack(4, 3)',
    ANY,
    'fn ack(m, n) { if m == 0 { n + 1 } else { if n == 0 { ack(m - 1, 1) } else { ack(m - 1, ack(m, n - 1)) } } }',
  ),
  row('a send to itself without end', 'send("SELF", "go")', budget('depth')),
  row('a direct call of itself without end', 'go()', budget('depth')),
];

const SENDS: readonly Handler[] = [
  row('more sends than allowed', 'while true { send "ok" ping {} }', budget('sends')),
  row('a send in a callback, too often', 'range(100).map(fn(x) { send "ok" ping {} })', budget('sends')),
  row('a send of a function', 'send("ok", "echo", fn() { 1 })', error('cannot send a function in a message')),
  row('a send of a built-in', 'send("ok", "echo", print)', error('cannot send a function in a message')),
  row(
    'a send of a hidden function',
    'send("ok", "echo", [{a: [len]}])',
    error('cannot send a function in a message'),
  ),
  row('a thrown function', 'throw fn() { 1 }', error('cannot send a function in a message')),
  row(
    'a thrown value that is shown without end',
    `${text(20)}  throw range(1000).map(fn(x) { s })`,
    budget('value size'),
  ),
  row(
    'a result that is written without end',
    `${text(20)}  range(1000).map(fn(x) { s })`,
    budget('value size'),
  ),
  row(
    'an argument that is written without end',
    `${text(20)}  send("ok", "echo", range(1000).map(fn(x) { s }))`,
    budget('value size'),
  ),
  row(
    'a send to a name of the host',
    'send("constructor", "prototype")',
    error("server 'constructor' not found"),
  ),
  row('a method of the host', 'send("ok", "constructor")', error("server 'ok' has no method 'constructor'")),
  row(
    'a method named __proto__',
    'send("ok", "__proto__", {})',
    error("server 'ok' has no method '__proto__'"),
  ),
  row(
    'an argument named __proto__',
    'send "ok" echo {"__proto__": 1, x: 2}',
    error("has no parameter '__proto__'"),
  ),
  row(
    'a circle of servers',
    'send "circle_a" go {}',
    error('call cycle'),
    'server circle_a { receive fn go() { send "circle_b" go {} } }  server circle_b { receive fn go() { send "circle_a" go {} } }',
  ),
  row(
    'a sender hidden behind the name of a built-in method',
    'set o = {}.set("pu" + "sh", fn(x) { send "ok" ping {} })  o.push(1)',
    error("cannot call field 'push', which may send, as a method"),
  ),
  row(
    'the same, called as a value',
    'set o = {}.set("pu" + "sh", fn(x) { send "ok" ping {} })  o.get("pu" + "sh")(1)',
    value('pong'),
  ),
  row(
    'the same with a name found by the checker',
    'set o = {concat: fn(x) { send "ok" ping {} }}  o.concat(1)',
    value('pong'),
  ),
  row(
    'a sender as a callback of such a field',
    'set o = {}.set("ma" + "p", fn(f) { f(1) })  o.map(fn(x) { send "ok" ping {} })',
    value('pong'),
  ),
];

const MEMORY: readonly Handler[] = [
  row('a text doubled', 'set s = "a"  while true { set s = s + s }', budget('string length')),
  row('a text grown', `${text(21)}  while true { set s = s + "aaaaaaaa" }`, ANY),
  row(
    'many long texts',
    `${text(21)}  set xs = []  while true { set xs = xs.push(s.replace("a", "b")) }`,
    ANY,
  ),
  row('replace by more', `${text(16)}  s.replace("a", s)`, budget('string length')),
  row('replace of nothing', `${text(16)}  s.replace("", s)`, budget('string length')),
  row(
    'upper of texts that grow',
    'set s = "ß"  while true { set s = s + s.upper() }',
    budget('string length'),
  ),
  row('split into characters', `${text(21)}  s.split("")`, budget('array length')),
  row('split at each character', `${text(21)}  s.split("a")`, budget('array length')),
  row('join of one text', `${text(18)}  range(1000).map(fn(x) { s }).join("")`, budget('string length')),
  row('join with a long separator', `${text(18)}  range(1000).join(s)`, budget('string length')),
  row(
    'join of nested arrays',
    `${text(18)}  [range(1000).map(fn(x) { s })].join("")`,
    budget('string length'),
  ),
  row(
    'the display form of shared parts',
    'set a = [1]  for i in range(60) { set a = [a, a] }  string(a)',
    ANY,
  ),
  row('JSON of shared parts', 'set a = [1]  for i in range(60) { set a = [a, a] }  json(a)', ANY),
  row('JSON of one text very often', `${text(20)}  json(range(1000000).map(fn(x) { s }))`, ANY),
  row(
    'equality of shared parts',
    'set a = [1]  set b = [1]  for i in range(60) { set a = [a, a]  set b = [b, b] }  a == b',
    ANY,
  ),
  row(
    'equality of long texts very often',
    `${text(21)}  set t = s.replace("b", "c") + ""  set u = s.slice(1) + "a"  range(100000).map(fn(x) { s }) == range(100000).map(fn(x) { u })`,
    ANY,
  ),
  row('a range beyond all memory', 'range(1000000000000)', budget('array length')),
  row('a range of two far ends', 'range(-9007199254740991, 9007199254740991)', budget('array length')),
  row('push without end', 'set xs = []  while true { set xs = xs.push([1]) }', ANY),
  row('push of objects', 'set xs = []  while true { set xs = xs.push({a: 1, b: [2]}) }', ANY),
  row(
    'push on an old version',
    'set xs = range(1000000 - 1)  while true { xs.push(1)  xs.push(2) }',
    budget('steps'),
  ),
  row('prepend without end', 'set xs = []  while true { set xs = xs.prepend(1) }', ANY),
  row('insert without end', 'set xs = [1]  while true { set xs = xs.insert(1, 1) }', ANY),
  row('concat with itself', 'set xs = [1]  while true { set xs = xs.concat(xs) }', budget('array length')),
  row('append with itself', 'set xs = [1]  while true { set xs = xs.append(xs) }', budget('array length')),
  row('set on a long array', 'set xs = range(1000000)  while true { set xs = xs.set(0, 1) }', ANY),
  row('slices that keep much', 'set ys = []  while true { set ys = ys.push(range(100000).slice(1)) }', ANY),
  row(
    'reverses that are kept',
    'set ys = []  set xs = range(500000)  while true { set ys = ys.push(xs.reverse()) }',
    ANY,
  ),
  row(
    'maps that are kept',
    'set ys = []  set xs = range(100000)  while true { set ys = ys.push(xs.map(fn(x) { [x] })) }',
    ANY,
  ),
  row(
    'filters that are kept',
    'set ys = []  set xs = range(100000)  while true { set ys = ys.push(xs.filter(fn(x) { true })) }',
    ANY,
  ),
  row('reduce that grows', 'range(1000000).reduce(fn(a, x) { a.concat(a) }, [1])', budget('array length')),
  row(
    'keys without end',
    'set o = {}  set n = 0  while true { set n = n + 1  set o = o.set(string(n), n) }',
    ANY,
  ),
  row(
    'merge that grows',
    'set o = {}  for i in range(100000) { set o = o.merge({}.set(string(i), o)) }',
    ANY,
  ),
  row(
    'defaults that grow',
    'set o = {}  for i in range(100000) { set o = o.defaults({}.set(string(i), o)) }',
    ANY,
  ),
  row(
    'values of a large object',
    'set o = {}  for i in range(100000) { set o = o.set(string(i), i) }  while true { o.values() }',
    ANY,
  ),
  row(
    'closures that keep each other',
    'set fs = []  while true { set g = fs  set fs = fs.push(fn() { g }) }',
    ANY,
  ),
  row('a long format pattern', `${text(22)}  while true { now().format(s) }`, ANY),
  row(
    'parse_json of very many elements',
    'set s = "1,1,1,1"  for i in range(18) { set s = s + "," + s }  parse_json("[" + s + "]")',
    ANY,
  ),
  row('parse_json again and again', 'set s = "[1,1]"  while true { parse_json(s) }', budget('steps')),
  row('state that is too large', `${text(22)}  state.set("kept", [s, s, s, s, s])`, budget('value size')),
  row(
    'max of long texts',
    `${text(21)}  set u = s.slice(1) + "b"  max(range(1000000).map(fn(i) { if i % 2 == 0 { s } else { u } }))`,
    ANY,
  ),
  row(
    'a sort by long texts',
    `${text(21)}  set u = s.slice(1) + "b"  range(10000).sort_by(fn(i) { if i % 2 == 0 { s } else { u } })`,
    ANY,
  ),
  row('comparing long texts', `${text(21)}  set u = s.slice(1) + "b"  while s < u { }`, ANY),
  row('to_fixed of many decimals', '1.to_fixed(100)', error('to_fixed expects 0 to 15 decimals')),
];

const NESTING: readonly Handler[] = [
  row(
    'a nested array as result',
    'set a = []  for i in range(300) { set a = [a] }  a',
    error('value nested too deeply'),
  ),
  row(
    'a nested object as result',
    'set a = {}  for i in range(300) { set a = {a: a} }  a',
    error('value nested too deeply'),
  ),
  row(
    'a nested value shown',
    'set a = []  for i in range(100000) { set a = [a] }  string(a)',
    error('value nested too deeply'),
  ),
  row(
    'a nested value compared',
    'set a = []  set b = []  for i in range(9999) { set a = [a]  set b = [b] }  a == b',
    error('value nested too deeply'),
  ),
  row(
    'a nested value as JSON',
    'set a = []  for i in range(9999) { set a = [a] }  json(a)',
    error('value nested too deeply'),
  ),
  row(
    'a nested value in state',
    'set a = []  for i in range(9999) { set a = [a] }  state.set("kept", a)',
    error('value nested too deeply'),
  ),
  row(
    'a nested value sent',
    'set a = []  for i in range(9999) { set a = [a] }  send("ok", "echo", a)',
    error('value nested too deeply'),
  ),
  row(
    'a nested value thrown',
    'set a = []  for i in range(9999) { set a = [a] }  throw a',
    error('value nested too deeply'),
  ),
  row(
    'nested JSON text',
    'set s = ""  for i in range(1000) { set s = s + "[" }  parse_json(s)',
    error('nested too deeply'),
  ),
  row(
    'a struct in itself',
    'set n = Link{next: nil}  for i in range(999) { set n = Link{next: n} }  n',
    error('value nested too deeply'),
    'struct Link { next: optional(Link) }',
  ),
  row(
    'structs of shared objects',
    'set o = {}  for i in range(60) { set o = {l: o, r: o} }  Pair{l: o, r: o}',
    ANY,
    'struct Pair { l: optional(Pair), r: optional(Pair) }',
  ),
];

const PATTERNS: readonly Handler[] = [
  row(
    'nested repetition',
    `${text(14)}  Slow1{x: s + "b"}`,
    error('does not match'),
    'struct Slow1 { x: string.regex("^(a+)+$") }',
  ),
  row(
    'overlapping choices',
    `${text(14)}  Slow2{x: s + "b"}`,
    error('does not match'),
    'struct Slow2 { x: string.regex("^(a|aa|a)*$") }',
  ),
  row(
    'a counted repetition on a long text',
    `${text(20)}  Slow3{x: s}`,
    budget('steps'),
    'struct Slow3 { x: string.regex("(a?){1000}a{1000}b") }',
  ),
  row(
    'a simple pattern, again and again',
    `${text(16)}  while true { try { Slow4{x: s} } catch e { } }`,
    ANY,
    'struct Slow4 { x: string.regex("b$") }',
  ),
  row('a long address', `${text(21)}  Slow5{x: s + "@"}`, error('x'), 'struct Slow5 { x: string.email() }'),
];

const NUMBERS: readonly Handler[] = [
  row('a number too large', '1e308 * 10', error('number out of range')),
  row('a sum too large', '1e308 + 1e308', error('number out of range')),
  row('a difference too large', '-1e308 - 1e308', error('number out of range')),
  row('a quotient too large', '1e308 / 1e-10', error('number out of range')),
  row('a power by multiplication', 'set n = 2  while true { set n = n * n }', error('number out of range')),
  row('division by zero', '0 / 0', error('division by zero')),
  row('modulo by minus zero', '1 % -0', error('modulo by zero')),
  row('an index that is not whole', '[1].get(1e300)', error('array index out of bounds')),
  row('a negative index', '[1].get(-1)', error('array index out of bounds')),
  row('an index below zero that is cut', '[1].get(-0.5)', value(1)),
  row('the text of infinity', 'number("Infinity")', error('number() cannot read')),
  row('a text beyond all numbers', 'number("1e999")', error('number() cannot read')),
  row('a text of hexadecimal', 'number("0x10")', error('number() cannot read')),
  row('JSON beyond all numbers', 'parse_json("1e999")', error('number too large')),
  row('a range to infinity', 'range(1e308)', budget('array length')),
  row('a time beyond the calendar', '2024-01-01T00:00:00 + 1e300', error('')),
  row('a time before the calendar', '2024-01-01T00:00:00 - 1e300', error('')),
];

/** Names that mean something to the host, wherever a program may put a name. */
export const HOST_NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'then',
  'arguments',
  'eval',
  'globalThis',
  'process',
  'require',
  'valueOf',
] as const;

const REACHING: readonly Handler[] = [
  ...HOST_NAMES.flatMap((name): Handler[] => {
    const key = JSON.stringify(name);
    const isMethod = name === 'toString';
    return [
      row(`${name} as an undefined variable`, name, error(`undefined variable: ${name}`)),
      row(`${name} as an undefined function`, `${name}("1")`, error(`undefined function: ${name}`)),
      row(`${name} as a variable`, `set ${name} = 1  ${name} + 1`, value(2)),
      row(`${name} as a parameter`, `(fn(${name}) { ${name} + 1 })(1)`, value(2)),
      row(`${name} as a key`, `{${key}: 1}.get(${key})`, value(1)),
      row(`${name} as a key that is not there`, `{a: 1}.get(${key})`, value(null)),
      row(`${name} as a field that is not there`, `{}.${name}`, value(null)),
      row(`${name} as a built key`, `{}.set(${key}, 1).keys()`, value([name])),
      row(`${name} in JSON`, `parse_json("{\\"${name}\\": 1}").get(${key})`, value(1)),
      isMethod
        ? row(
            'toString of every kind',
            '[1.toString(), nil.toString(), [].toString()]',
            value(['1', 'nil', '[]']),
          )
        : row(
            `${name} as a method of a number`,
            `1.${name}()`,
            error(`method '${name}' not supported for number`),
          ),
      row(
        `${name} as a field of a function`,
        `(fn() { 1 }).${name}`,
        error(`cannot access field '${name}' on function`),
      ),
      row(`${name} as a field of a text`, `"a".${name}`, error(`cannot access field '${name}' on string`)),
      row(`${name} of a caught error`, `try { 1 / 0 } catch e { e.${name} }`, value(null)),
      row(`${name} in state`, `state.get(${key})`, value(null)),
    ];
  }),
  row(
    'a value that looks like a promise',
    '{then: fn(resolve) { resolve(1) }}.set("then", 2)',
    value(Object.fromEntries([['then', 2]])),
  ),
  row(
    'a thenable as a result of a callback',
    '[1].map(fn(x) { {then: x} })',
    value([Object.fromEntries([['then', 1]])]),
  ),
  row(
    'the name of a struct of the host',
    'constructor{a: 1}.a',
    value(1),
    'struct constructor { a: number }',
  ),
  row(
    'a struct with a field __proto__',
    'Proto{"__proto__": 1}.get("__proto__")',
    value(1),
    'struct Proto { __proto__: number }',
  ),
  row(
    'a type that names the host',
    'parse_json("{\\"_type\\": \\"constructor2\\", \\"a\\": 1}").a',
    value(1),
  ),
  row('code in a key', '{}.set("\\"]; process.exit(1); [\\"", 1).length', value(1)),
  row('code in a text', '"`);process.exit(1);//".length > 1', value(true)),
  row('line separators in a text', '"\\u2028\\u2029".length', value(2)),
  row('the end of a script in a text', '"</script>*/ //".length', value(14)),
  row('a callback that is a built-in', '["1", "2"].map(number)', value([1, 2])),
  row(
    'a callback that sends by itself',
    '["ok"].map(message)',
    error('message function expects at least 2 arguments'),
  ),
];

export const HANDLERS: readonly Handler[] = [
  ...LOOPS,
  ...RECURSION,
  ...SENDS,
  ...MEMORY,
  ...NESTING,
  ...PATTERNS,
  ...NUMBERS,
  ...REACHING,
];

const deep = (open: string, close: string, count: number, inside = '1'): string =>
  open.repeat(count) + inside + close.repeat(count);

/** Sources that do not even start; each must be refused with diagnostics, not by an exception. */
export const SOURCES: readonly { readonly why: string; readonly text: string }[] = [
  { why: 'nested parentheses', text: deep('(', ')', 100_000) },
  { why: 'nested arrays', text: deep('[', ']', 100_000) },
  { why: 'nested objects', text: deep('{a: ', '}', 100_000) },
  { why: 'nested blocks', text: deep('if 1 { ', ' }', 50_000) },
  { why: 'nested functions', text: deep('fn() { ', ' }', 50_000) },
  { why: 'a long chain of prefix operators', text: `${'!'.repeat(100_000)}1` },
  { why: 'a long chain of minus', text: `${'- '.repeat(100_000)}1` },
  { why: 'a long chain of sums', text: `1${' + 1'.repeat(100_000)}` },
  { why: 'a long chain of members', text: `x${'.a'.repeat(100_000)}` },
  { why: 'a long chain of calls', text: `f${'()'.repeat(100_000)}` },
  { why: 'a long chain of else if', text: `if 1 { 1 }${' else if 1 { 1 }'.repeat(20_000)}` },
  { why: 'nested types', text: `struct S { x: ${deep('[', ']', 50_000, 'number')} }` },
  { why: 'a source of more than a mebibyte', text: `"${'a'.repeat(1_100_000)}"` },
  { why: 'brackets that never close', text: '({['.repeat(30_000) },
  { why: 'brackets that never opened', text: ')}]'.repeat(30_000) },
  { why: 'a text that never ends', text: `"${'\\"'.repeat(100_000)}` },
  { why: 'half a surrogate pair', text: '"\\ud800"' },
  { why: 'a null character', text: 'a\u0000b' },
  { why: 'import of a host module', text: 'import "node:fs"' },
  { why: 'import from outside of the folder', text: 'import "../../../etc/passwd"' },
  { why: 'import in JavaScript', text: 'import("fs")' },
  { why: 'a template literal', text: '`x`' },
  { why: 'a keyword as a variable', text: 'set import = 1' },
];
