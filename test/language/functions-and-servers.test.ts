// docs of the language, sections 9 to 18: functions, errors, built-ins, types, servers, budgets, JSON, imports. Expected: the display
// form of the program's value, or `! ` and a part of its error.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkRow, type Row, runProgram } from './run-program.ts';

const COUNTER = `server counter { state { n: number = 0, tags: [string] = [] }
  receive fn add(by: number) { state.set("n", state.n + (by ?? 1)) }
  receive fn get() { state.n }
  receive fn fail() { state.set("n", 99)
    throw {error: "no", why: 1} }
  receive fn text() { throw "plain" }
  receive fn broken() { nil.x }
  receive fn two(a: number, b) { [a, b] }
  receive fn whole(o) { o }
  receive fn own() { send "counter" add {by: 5} }
  receive fn bare() { add(7)\nget() }
  receive fn wrong() { state.set("m", 1) }
  receive fn hold() { state.set("tags", [fn() { 1 }]) }
  receive fn give() { fn() { 1 } }
}\n`;
const caught = (call: string): string =>
  `${COUNTER}try { ${call} } catch e { [e.error, e.code, e.executed, e.data] }`;

const SECTIONS: Readonly<Record<string, readonly Row[]>> = {
  '9 functions': [
    ['the last expression is the value', 'fn f() { 1\n2 }\nf()', '2'],
    ['an empty body gives nil', 'fn f() { }\nf()', 'nil'],
    ['too few arguments', 'fn f(a, b) { 1 }\nf(1)', "! function 'f' expects 2 arguments, got 1"],
    [
      'too many arguments of a lambda',
      'set f = fn(a) { a }\nf(1, 2)',
      "! function '' expects 1 arguments, got 2",
    ],
    ['types of parameters are not checked at run time', 'fn f(a: number) { a }\nf("x")', '"x"'],
    ['functions are values', 'fn twice(f, x) { f(f(x)) }\ntwice(fn(x) { x * 3 }, 2)', '18'],
    ['recursion', 'fn fact(n) { if n <= 1 { 1 } else { n * fact(n - 1) } }\nfact(10)', '3628800'],
    ['no default values', 'fn f(a = 1) { a }', '! RL1010'],
    ['two parameters of one name', 'fn f(a, a) { 1 }', '! RL1016'],
    ['a function in a field', 'set o = {f: fn(x) { x + 1 }}\no.f(1)', '2'],
    ['a function that gives a function', 'fn add(a) { fn(b) { a + b } }\nadd(1)(2)', '3'],
  ],
  '10 errors': [
    ['a thrown value is caught as it is', 'try { throw [1] } catch e { e }', '[1]'],
    [
      'a run-time error is an object',
      'try { 1 / 0 } catch e { [e.error, e.line, e.column, e.file] }',
      '["division by zero", 1, 7, "main.rl"]',
    ],
    ['catch without a name', 'try { 1 / 0 } catch { "ok" }', '"ok"'],
    ['the body of try is the value', 'try { 5 } catch e { 6 }', '5'],
    ['an error in catch goes on', 'try { throw 1 } catch e { throw e + 1 }', '! uncaught throw: 2'],
    ['an uncaught throw shows the value', 'throw {a: 1}', '! uncaught throw: {a: 1}'],
    ['an error passes through functions', 'fn f() { throw "x" }\ntry { f() } catch e { e + "y" }', '"xy"'],
    [
      'a thrown object travels to the caller',
      caught('send "counter" fail {}'),
      '["no", "thrown", "yes", {error: "no", why: 1}]',
    ],
    ['a thrown string', caught('send "counter" text {}'), '["plain", "thrown", "yes", "plain"]'],
    [
      'a run-time error of a handler',
      caught('send "counter" broken {}'),
      `["cannot access field 'x' on nil", "failed", "yes", nil]`,
    ],
    [
      'an unknown server',
      caught('send "nobody" m {}'),
      `["server 'nobody' not found", "unknown_server", "no", nil]`,
    ],
    [
      'an unknown method',
      caught('send "counter" nope {}'),
      `["server 'counter' has no method 'nope'", "unknown_method", "no", nil]`,
    ],
    [
      'an unknown argument',
      caught('send "counter" add {x: 1}'),
      `["method 'add' has no parameter 'x'", "bad_arguments", "no", nil]`,
    ],
    [
      'an argument of another type',
      caught('send "counter" add {by: "x"}'),
      `["method 'add' parameter 'by': expected number, got string", "bad_arguments", "no", nil]`,
    ],
    [
      'too many arguments',
      caught('send("counter", "get", 1)'),
      `["method 'get' expects 0 arguments, got 1", "bad_arguments", "no", nil]`,
    ],
    ['a failed send that is not caught', `${COUNTER}send "counter" fail {}`, '! no'],
    [
      'a circle of servers',
      'server a { receive fn m() { send "b" m {} } }\nserver b { receive fn m() { send "a" m {} } }\ntry { send "a" m {} } catch e { e.error }',
      '"call cycle: a -> b -> a"',
    ],
  ],
  '11 built-in functions': [
    ['len', '[len("abc"), len([1]), len({})]', '[3, 1, 0]'],
    ['len of a number', 'len(5)', '! len() not supported for type number'],
    ['len without argument', 'len()', '! len() expected 1 argument, got 0'],
    ['string', '[string("a"), string([1, "b"]), string(nil)]', '["a", "[1, "b"]", "nil"]'],
    ['number', '[number(" -1.5e2 "), number(3)]', '[-150, 3]'],
    ['number of no number', 'number("12x")', '! number() cannot read "12x"'],
    ['number of nil', 'number(nil)', '! number() not supported for type nil'],
    ['min and max', '[min(3, 1, 2), max([1, 5]), min("b", "a")]', '[1, 5, "a"]'],
    ['min of kinds', 'min(1, "a")', '! cannot compare'],
    ['max of nothing', 'max([])', '! max() needs at least one value'],
    ['range', '[range(3), range(2, 5), range(0), range(3, 1)]', '[[0, 1, 2], [2, 3, 4], [], []]'],
    ['range of a fraction', 'range(1.5)', '! range() needs whole numbers'],
    ['json', 'json({a: [1, nil, "x"]})', '"{"a":[1,null,"x"]}"'],
    ['json of a datetime', 'json(2024-01-02T03:04:05)', '""2024-01-02T03:04:05.000Z""'],
    ['json of a function', 'fn f() { 1 }\njson([f])', '"["<function: f>"]"'],
    ['parse_json', 'parse_json("{\\"a\\": [1, true, null]}")', '{a: [1, true, nil]}'],
    ['parse_json of a repeated key', 'parse_json("{\\"a\\": 1, \\"a\\": 2}")', '{a: 2}'],
    ['parse_json of no JSON', 'parse_json("{")', '! parse_json(): '],
    ['parse_json of a number too large', 'parse_json("1e999")', '! parse_json(): '],
    ['a struct in JSON', 'struct A { a: any }\njson(A{a: 1})', '"{"_type":"A","a":1}"'],
    ['a struct from JSON', 'struct A { a: any }\nparse_json("{\\"_type\\":\\"A\\",\\"a\\":1}")', 'A{a: 1}'],
    [
      'a struct from JSON that does not fit',
      'struct A { a: number }\ntype_of(parse_json("{\\"_type\\":\\"A\\",\\"a\\":\\"x\\"}"))',
      '"object"',
    ],
    ['format_date', 'format_date(2024-01-02T03:04:05, "DD.MM.YYYY HH:mm:ss")', '"02.01.2024 03:04:05"'],
    ['random', 'set r = random()\nr >= 0 && r < 1', 'true'],
    ['uuid', '[uuid().length, uuid() == uuid()]', '[36, false]'],
    ['report_health', 'server s { receive fn m() { report_health(true) } }\nsend "s" m {}', 'nil'],
    ['report_health of no server', 'report_health(true)', '! report_health() is for receive functions'],
    ['report_health of no bool', 'report_health(1)', '! report_health() not supported for type number'],
    ['send needs a server name', 'send(1, "m")', '! first argument to send must be server name (string)'],
    [
      'message needs a method name',
      'message("s", 1)',
      '! second argument to message must be method name (string)',
    ],
    [
      'message needs two',
      'message("s")',
      '! message function expects at least 2 arguments: server_name, method_name, [args...]',
    ],
  ],
  '12 methods': [
    ['get and set of an array', '[[1, 2].get(1), [1, 2].set(0, 9)]', '[2, [9, 2]]'],
    ['set beyond', '[1].set(1, 2)', '! array index out of bounds'],
    ['insert at the end', '[1].insert(1, 2)', '[1, 2]'],
    ['insert beyond', '[1].insert(2, 2)', '! array index out of bounds'],
    ['a position that is no number', '[1].get("a")', '! array index must be a number'],
    ['prepend and remove_at', '[[2].prepend(1), [1, 2].remove_at(0)]', '[[1, 2], [2]]'],
    ['append and concat', '[[1].append([2]), [1].concat([])]', '[[1, 2], [1]]'],
    ['append of no array', '[1].append(2)', '! append expects an array argument'],
    ['remove and replace the first', '[[1, 2, 1].remove(1), [1, 1].replace(1, 2)]', '[[2, 1], [2, 1]]'],
    ['first and last', '[[1, 2].first(), [1, 2].last(), [].first()]', '[1, 2, nil]'],
    [
      'drop_first and drop_last',
      '[[1, 2].drop_first(), [1, 2].drop_last(), [].drop_last()]',
      '[[2], [1], []]',
    ],
    [
      'slice is limited',
      '[[1, 2, 3].slice(1), [1, 2, 3].slice(-5, 2), [1].slice(3)]',
      '[[2, 3], [1, 2], []]',
    ],
    ['reverse and join', '[[1, 2].reverse(), [1, "a"].join("-")]', '[[2, 1], "1-a"]'],
    ['join of a number', '[1].join(1)', '! join expects a string argument'],
    [
      'includes and index_of are deep',
      '[[[1]].includes([1]), [[1]].index_of([1]), [1].index_of(2)]',
      '[true, 0, nil]',
    ],
    ['map with the index', '["a", "b"].map(fn(x, i) { x + string(i) })', '["a0", "b1"]'],
    ['a built-in as callback', '["a", "bc"].map(len)', '[1, 2]'],
    [
      'filter, find, any, all',
      '[[1, 2].filter(fn(x) { x > 1 }), [1].find(fn(x) { x > 1 }), [0, 1].any(fn(x) { x }), [].all(fn(x) { false })]',
      '[[2], nil, true, true]',
    ],
    ['reduce', '[[1, 2].reduce(fn(a, x) { a + x }), [1].reduce(fn(a, x, i) { a + i }, 5)]', '[3, 5]'],
    ['reduce of nothing', '[].reduce(fn(a, x) { a })', '! reduce of empty array without initial value'],
    [
      'sort_by is stable',
      '[[2, "a"], [1, "b"], [2, "c"]].sort_by(fn(p) { p[0] })',
      '[[1, "b"], [2, "a"], [2, "c"]]',
    ],
    ['sort_by of kinds', '[1, "a"].sort_by(fn(x) { x })', '! cannot compare'],
    ['pop', '[1].pop()', '! use last() and drop_last()'],
    ['a callback that is none', '[1].map(5)', '! map expects a function argument'],
    [
      'a callback that fails',
      '[1].map(fn(x) { x.y })',
      "! error in map function: cannot access field 'y' on number",
    ],
    ['a callback that throws', '[1].map(fn(x) { throw "t" })', '! uncaught throw: "t"'],
    ['a callback with three parameters', '[1].map(fn(a, b, c) { 1 })', '! expects 3 arguments'],
    ['an unknown method of an array', '[1].nope()', '! unknown method: nope'],
    ['an unknown method of a number', '5.nope()', "! method 'nope' not supported for number"],
    ['a wrong number of arguments', '"a".slice()', '! slice method expects 1 or 2 arguments'],
    [
      'object methods',
      'set o = {a: 1}\n[o.get("a"), o.has("b"), o.keys(), o.values(), o.length()]',
      '[1, false, ["a"], [1], 1]',
    ],
    [
      'object changes',
      '[{a: 1}.set("b", 2), {a: 1}.remove("a"), {a: 1}.update("a", 3)]',
      '[{a: 1, b: 2}, {}, {a: 3}]',
    ],
    [
      'merge and defaults',
      '[{a: 1}.merge({a: 2, b: 3}), {a: 1}.defaults({a: 2, b: 3})]',
      '[{a: 2, b: 3}, {a: 1, b: 3}]',
    ],
    ['a key that is no string', '{a: 1}.get(1)', '! object key must be a string'],
    ['merge of no object', '{a: 1}.merge(1)', '! merge expects an object argument'],
    ['a built-in method goes before a field', '{keys: fn() { 1 }}.keys()', '["keys"]'],
    ['string methods', '["Ab".upper(), "Ab".lower(), " a ".trim()]', '["AB", "ab", "a"]'],
    [
      'string questions',
      '["abc".contains("b"), "abc".starts_with("ab"), "abc".ends_with("x"), "abc".index_of("c"), "abc".index_of("x")]',
      '[true, true, false, 2, nil]',
    ],
    ['split', '["a,b".split(","), "ab".split("")]', '[["a", "b"], ["a", "b"]]'],
    ['replace all', '"aXbX".replace("X", "-")', '"a-b-"'],
    ['an argument of another kind', '"a".split(1)', '! split expects a string argument'],
    ['slices of code points', '"a😀b".slice(1, 2)', '"😀"'],
    [
      'number methods',
      '[(-2.5).round(), 2.5.round(), (-1.2).floor(), 1.2.ceil(), (-3).abs(), 1.005.to_fixed(1)]',
      '[-3, 3, -2, 2, 3, "1.0"]',
    ],
    ['to_fixed beyond', '1.to_fixed(16)', '! '],
    [
      'datetime methods',
      '[2024-01-02T03:04:05.format("YY YYYY"), 2024-01-02T03:04:05.toISOString()]',
      '["YY 2024", "2024-01-02T03:04:05.000Z"]',
    ],
    ['toString of everything', '[nil.toString(), true.toString(), [1].toString()]', '["nil", "true", "[1]"]'],
  ],
  '13 types': [
    [
      'a field of another type',
      'struct A { a: number }\nA{a: "x"}',
      "! struct A field 'a': expected number, got string",
    ],
    ['a missing field', 'struct A { a: number }\nA{}', "! missing required field 'a' for struct A"],
    ['an optional field', 'struct A { a: optional(number) }\nA{}', 'A{a: nil}'],
    [
      'nil needs optional',
      'struct A { a: number }\nA{a: nil}',
      "! struct A field 'a': expected number, got nil",
    ],
    ['an undeclared field comes first', 'struct A { a: number }\nA{b: 1}', "! struct A has no field 'b'"],
    ['an undefined struct', 'B{a: 1}', '! undefined struct type: B'],
    [
      'a datetime from a text',
      'struct A { a: datetime }\nA{a: "2024-01-02T03:04:05"}.a.format("YYYY")',
      '"2024"',
    ],
    [
      'a text that is no datetime',
      'struct A { a: datetime }\nA{a: "soon"}',
      "! struct A field 'a': expected datetime, got string",
    ],
    [
      'elements',
      'struct A { a: [number] }\nA{a: [1, "x"]}',
      "! struct A field 'a[1]': expected number, got string",
    ],
    [
      'values of a map',
      'struct A { a: {string: number} }\nA{a: {k: "x"}}',
      "! struct A field 'a.k': expected number, got string",
    ],
    [
      'a struct built from an object',
      'struct B { n: number }\nstruct A { b: B }\nA{b: {n: 1}}',
      'A{b: B{n: 1}}',
    ],
    [
      'a part of it that is wrong',
      'struct B { n: number }\nstruct A { b: B }\nA{b: {n: "x"}}',
      "! struct A field 'b.n': expected number, got string",
    ],
    ['object accepts a struct', 'struct B { n: number }\nstruct A { b: object }\nA{b: B{n: 1}}.b.n', '1'],
    ['min of a text', 'struct A { a: string.min(2) }\nA{a: "x"}', "! struct A field 'a': shorter than 2"],
    ['max of an array', 'struct A { a: [any].max(1) }\nA{a: [1, 2]}', "! struct A field 'a': longer than 1"],
    [
      'min and max of a number',
      'struct A { a: number.min(0).max(9) }\ntry { A{a: 10} } catch e { e.error }',
      `"struct A field 'a': greater than 9"`,
    ],
    [
      'email',
      'struct A { a: string.email() }\n[A{a: "a@b.c"}.a, try { A{a: "ab"} } catch e { e.error }]',
      `["a@b.c", "struct A field 'a': not an email address"]`,
    ],
    ['url', 'struct A { a: string.url() }\nA{a: "nope"}', "! struct A field 'a': not a URL"],
    [
      'regex is linear',
      'struct A { a: string.regex("^(a+)+$") }\nA{a: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}',
      '! does not match ^(a+)+$',
    ],
    [
      'nil skips the validators of optional',
      'struct A { a: optional(string.min(2)) }\nA{a: nil}',
      'A{a: nil}',
    ],
    ['an unknown validator', 'struct A { a: string.nope() }', '! RL1010'],
    ['a struct that is changed', 'struct A { a: number }\nA{a: 1}.set("a", 2)', 'A{a: 2}'],
    [
      'a change that does not fit',
      'struct A { a: number }\nA{a: 1}.set("a", "x")',
      '! expected number, got string',
    ],
    [
      'a change of an unknown field',
      'struct A { a: number }\nA{a: 1}.set("b", 2)',
      "! struct A has no field 'b'",
    ],
    ['merge of a struct', 'struct A { a: number, b: number }\nA{a: 1, b: 2}.merge({b: 3})', 'A{a: 1, b: 3}'],
    ['an unknown type accepts everything', 'struct A { a: Nope }\nA{a: 1}', 'A{a: 1}'],
    ['a struct defined again', 'struct A { a: any }\nstruct A { b: any }\nA{b: 1}', 'A{b: 1}'],
    [
      'a protocol that is kept',
      'protocol P { m(a: number) -> number }\nserver s implements P { receive fn m(x) { x } }\nsend "s" m {x: 1}',
      '1',
    ],
    [
      'a protocol that is not',
      'protocol P { m(a: number) }\nserver s implements P { }',
      "! server 's' does not implement 'm' of protocol P",
    ],
    ['an undefined protocol', 'server s implements P { }', '! undefined protocol: P'],
  ],
  '14 servers': [
    ['state and a message', `${COUNTER}send "counter" add {by: 2}\nsend "counter" get {}`, '2'],
    ['an argument left out is nil', `${COUNTER}send "counter" add {}`, '1'],
    [
      'by position',
      `${COUNTER}[send("counter", "two", 1, 2), message("counter", "two", 1)]`,
      '[[1, 2], [1, nil]]',
    ],
    ['one parameter takes the whole object', `${COUNTER}send "counter" whole {a: 1, b: 2}`, '{a: 1, b: 2}'],
    ['its own name goes first', `${COUNTER}send "counter" whole {o: 1}`, '1'],
    ['an empty object is no argument', `${COUNTER}send "counter" whole {}`, 'nil'],
    [
      'a parameter with a type takes no whole object',
      'server s { receive fn m(n: number) { n } }\nsend "s" m {a: 1}',
      "! method 'm' has no parameter 'a'",
    ],
    [
      'a throw rolls the state back',
      `${COUNTER}try { send "counter" fail {} } catch e { }\nsend "counter" get {}`,
      '0',
    ],
    ['a direct call', `${COUNTER}send "counter" bare {}`, '7'],
    ['a send to the own server', `${COUNTER}send "counter" own {}`, '5'],
    [
      'a field that is not declared',
      `${COUNTER}send "counter" wrong {}`,
      "! server 'counter' has no state field 'm'; declared: n, tags",
    ],
    ['a function in state', `${COUNTER}send "counter" hold {}`, "! state field 'tags"],
    [
      'a function as an argument',
      `${COUNTER}send "counter" whole {o: fn() { 1 }}`,
      '! cannot send a function in a message',
    ],
    ['a function as a result', `${COUNTER}send "counter" give {}`, '! cannot send a function in a message'],
    [
      'state does not fit',
      'server s { state { n: number } receive fn m() { state.set("n", "x") } }\nsend "s" m {}',
      "! state field 'n': expected number, got string",
    ],
    [
      'nil always fits state',
      'server s { state { n: number = 1 } receive fn m() { state.set("n", nil)\nstate.n } }\nsend "s" m {}',
      'nil',
    ],
    [
      'a default from the surroundings',
      'set base = 4\nserver s { state { n: number = base * 2 } receive fn m() { state.n } }\nsend "s" m {}',
      '8',
    ],
    [
      'a default that fails',
      'server s { state { n: number = 1 / 0 } }',
      '! error evaluating default value for state field n: division by zero',
    ],
    ['state outside of a server', 'state', '! undefined variable: state'],
    [
      'several blocks of state',
      'server s { state { a: any = 1 } state { b: any = 2 } receive fn m() { [state.a, state.b, state.keys()] } }\nsend "s" m {}',
      '[1, 2, ["a", "b"]]',
    ],
    [
      'a global is read, not set',
      'set g = 1\nserver s { receive fn m() { set g = g + 1\ng } }\n[send "s" m {}, g]',
      '[2, 1]',
    ],
    [
      'a server defined again',
      'server s { receive fn m() { 1 } }\nserver s { receive fn m() { 2 } }\nsend "s" m {}',
      '2',
    ],
    [
      'sends between servers',
      `${COUNTER}server other { receive fn m() { (send "counter" add {by: 3}) + 1 } }\nsend "other" m {}`,
      '4',
    ],
    [
      'effects of others stay after a throw',
      `${COUNTER}server other { receive fn m() { send "counter" add {by: 3}\nthrow 1 } }\ntry { send "other" m {} } catch e { }\nsend "counter" get {}`,
      '3',
    ],
    [
      'a struct as an argument',
      'struct A { n: number }\nserver s { receive fn m(a: A) { a.n } }\nsend "s" m {a: {n: 5}}',
      '5',
    ],
  ],
  '16 budgets': [
    [
      'steps of a message',
      'server s { receive fn m() { while true { } } }\ntry { send "s" m {} } catch e { [e.error, e.code, e.executed] }',
      '["budget exceeded: steps", "budget", "yes"]',
    ],
    [
      'the message cannot catch it',
      'server s { state { n: number = 0 } receive fn m() { state.set("n", 1)\ntry { while true { } } catch e { 1 } } receive fn n() { state.n } }\ntry { send "s" m {} } catch e { }\nsend "s" n {}',
      '0',
    ],
    ['depth', 'fn f(n) { f(n + 1) }\nf(0)', '! budget exceeded: depth'],
    ['256 nested calls work', 'fn f(n) { if n == 0 { 0 } else { 1 + f(n - 1) } }\nf(256)', '256'],
    ['elements of an array', 'range(2000000)', '! budget exceeded: array length'],
    [
      'length of a string',
      'set s = "aaaaaaaa"\nwhile true { set s = s + s }',
      '! budget exceeded: string length',
    ],
    [
      'sends of a message',
      'server t { receive fn m() { 1 } }\nserver s { receive fn m() { for i in range(65) { send "t" m {} } } }\ntry { send "s" m {} } catch e { e.error }',
      '"budget exceeded: sends"',
    ],
    [
      'top-level code may send more',
      'server t { receive fn m() { 1 } }\nset n = 0\nfor i in range(100) { set n = n + send("t", "m") }\nn',
      '100',
    ],
  ],
};

for (const [section, rows] of Object.entries(SECTIONS)) {
  describe(section, () => {
    for (const row of rows) it(row[0], () => checkRow(row));
  });
}

describe('1 imports', () => {
  for (const { why, files, expected } of [
    {
      why: 'runs a file where it is imported',
      files: { 'a.rl': 'set x = 1\nimport "b.rl"\nx', 'b.rl': 'set x = 2' },
      expected: '2',
    },
    {
      why: 'shares functions both ways',
      files: { 'a.rl': 'fn f() { 5 }\nimport "b.rl"\ng()', 'b.rl': 'fn g() { f() + 1 }' },
      expected: '6',
    },
    {
      why: 'loads a file once',
      files: { 'a.rl': 'set n = 0\nimport "b.rl"\nimport "./b.rl"\nn', 'b.rl': 'set n = n + 1' },
      expected: '1',
    },
    {
      why: 'loads a file once from several',
      files: {
        'a.rl': 'set n = 0\nimport "b.rl"\nimport "c.rl"\nn',
        'b.rl': 'import "c.rl"',
        'c.rl': 'set n = n + 1',
      },
      expected: '1',
    },
    {
      why: 'takes paths from the importing file',
      files: { 'a.rl': 'import "d/b.rl"\nx', 'd/b.rl': 'import "c.rl"', 'd/c.rl': 'set x = 3' },
      expected: '3',
    },
    {
      why: 'goes up within the folder',
      files: { 'a.rl': 'import "d/b.rl"\nx', 'd/b.rl': 'import "../c.rl"', 'c.rl': 'set x = 4' },
      expected: '4',
    },
    {
      why: 'refuses a circle',
      files: { 'a.rl': 'import "b.rl"', 'b.rl': 'import "a.rl"' },
      expected: '! RL1031',
    },
    { why: 'refuses itself', files: { 'a.rl': 'import "a.rl"' }, expected: '! RL1031' },
    { why: 'refuses a path outside', files: { 'a.rl': 'import "../b.rl"' }, expected: '! RL1030' },
    { why: 'refuses an absolute path', files: { 'a.rl': 'import "/b.rl"' }, expected: '! RL1030' },
    { why: 'reports a missing file', files: { 'a.rl': 'import "b.rl"' }, expected: '! RL1030' },
    {
      why: 'refuses an import in a function',
      files: { 'a.rl': 'fn f() { import "b.rl" }', 'b.rl': '' },
      expected: '! RL1015',
    },
  ] as const) {
    it(why, async () => {
      const { value } = await runProgram(files);
      if (!expected.startsWith('! ')) assert.equal(value, expected);
      else assert.ok(value.startsWith(expected), `${value} is not ${expected}`);
    });
  }
});
