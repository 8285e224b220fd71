// What the suite "language" measures: the same work in the Relay language and in JavaScript that also refuses results that are not
// finite numbers, and gives the same value.

export interface LanguageRow {
  readonly name: string;
  /** Definitions at the top level. */
  readonly top?: string;
  /** Body of the receive function that is measured. */
  readonly relay: string;
  readonly javascript: () => unknown;
}

function finite(value: number): number {
  if (value - value !== 0) throw new RangeError('number out of range');
  return value;
}

function fib(n: number): number {
  return n < 2 ? n : finite(fib(finite(n - 1)) + fib(finite(n - 2)));
}

const PEOPLE = Array.from({ length: 100_000 }, (_, at) => ({ name: `p${at}`, age: (at * 7919) % 100_003 }));

export const LANGUAGE_ROWS: readonly LanguageRow[] = [
  {
    name: 'recursion: fib(27)',
    top: 'fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }',
    relay: 'fib(27)',
    javascript: () => fib(27),
  },
  {
    name: 'loop: ten million additions',
    relay: 'set n = 0\nset sum = 0\nwhile n < 10000000 { set n = n + 1\nset sum = sum + n }\nsum',
    javascript: () => {
      let n = 0;
      let sum = 0;
      while (n < 10_000_000) {
        n = finite(n + 1);
        sum = finite(sum + n);
      }
      return sum;
    },
  },
  {
    name: 'map, filter, reduce over a million',
    relay:
      'range(1000000).map(fn(x) { x * 2 }).filter(fn(x) { x % 3 == 0 }).reduce(fn(sum, x) { sum + x }, 0)',
    javascript: () =>
      Array.from({ length: 1_000_000 }, (_, at) => at)
        .map((x) => finite(x * 2))
        .filter((x) => finite(x % 3) === 0)
        .reduce((sum, x) => finite(sum + x), 0),
  },
  {
    name: 'string building: 200,000 pieces',
    relay: 'set s = ""\nfor i in range(200000) { set s = s + string(i) + "," }\ns.length',
    javascript: () => {
      let s = '';
      for (let i = 0; i < 200_000; i = finite(i + 1)) s = `${s + String(i)},`;
      // Looks at the whole text, as a count of characters must.
      return /[\ud800-\udfff]/.test(s) ? [...s].length : s.length;
    },
  },
  {
    name: 'sorting 100,000 structs',
    top: 'struct Person { name: string, age: number }\nset people = range(100000).map(fn(at) { Person{name: "p" + string(at), age: (at * 7919) % 100003} })',
    relay: 'people.sort_by(fn(p) { p.age }).first().name',
    javascript: () => {
      const sorted = PEOPLE.toSorted((a, b) => finite(a.age) - finite(b.age));
      return sorted[0]!.name;
    },
  },
];

export interface GrowthRow {
  readonly name: string;
  /** Body of a function of the number of elements; does `repeats` rounds of the work. */
  readonly relay: string;
}

export const GROWTH_SIZES: readonly number[] = [10, 1_000, 100_000];

export const GROWTH_ROWS: readonly GrowthRow[] = [
  { name: 'append', relay: 'set xs = []\nfor i in range(n) { set xs = xs.push(i) }\nxs.length' },
  {
    name: 'append with every older version kept',
    relay:
      'set xs = []\nset old = []\nfor i in range(n) { set old = old.push(xs)\nset xs = xs.push(i) }\nxs.length',
  },
  { name: 'equality', relay: 'set a = range(n)\nset b = range(n)\na == b' },
];
