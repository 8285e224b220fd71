// The example programs: what each prints, and that it still gives the right answers when more is asked of it.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { builtins, checkProgram, loadProgram } from '@relay/language';
import { runProgram } from './language/run-program.ts';

const FOLDER = new URL('../examples/', import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

for (const { name, printed, asked } of [
  {
    name: 'counter.rl',
    printed: undefined,
    asked: [
      ['send "counter" get_count {}', '0'],
      ['send "counter" increment {by: 3}\nsend "counter" increment {}\nsend "counter" get_count {}', '4'],
      ['try { send "counter" increment {by: -1} } catch e { [e.code, e.data.step] }', '["thrown", -1]'],
    ],
  },
  {
    name: 'blog.rl',
    printed: undefined,
    asked: [
      ['(send "blog_service" get_posts {}).map(fn(p) { p.title })', '["Hello, federation", "No open ports"]'],
      ['(send "blog_service" create_post {title: " Third ", tags: ["nat"]}).id', '3'],
      [
        'send "blog_service" create_post {title: "Third", tags: ["nat"]}\nsend "blog_service" get_tags {}',
        '{relay: 2, nat: 2}',
      ],
      [
        'try { send "blog_service" create_post {title: ""} } catch { nil }\n(send "blog_service" create_post {title: "x"}).id',
        '3',
      ],
      [
        'try { send "blog_service" get_post {id: 9} } catch e { [e.error, e.data.id] }',
        '["post not found", 9]',
      ],
    ],
  },
  {
    name: 'shop.rl',
    printed: undefined,
    asked: [
      ['(send "shop_service" buy {sku: "lamp", count: 2}).total', '48'],
      [
        'send "shop_service" buy {sku: "lamp", count: 2}\n(send "shop_service" get_products {}).map(fn(p) { p.stock })',
        '[3, 40]',
      ],
      [
        'try { send "shop_service" buy {sku: "lamp", count: 6} } catch e { e.code }\n(send "shop_service" get_products {})[0].stock',
        '5',
      ],
      ['try { send "shop_service" buy {sku: "boat"} } catch e { e.error }', '"unknown product"'],
      ['(send "shop_service" get_news {}).available', 'false'],
    ],
  },
  {
    name: 'chat.rl',
    printed: [
      'refused: please be kind',
      'refused: eve is not in garden',
      'ann: The beans are up. | bob: Mine too!',
      '{garden: 2} refused by the moderator: 1',
    ],
    asked: [
      ['send "chat" join {room: "hall", user: "eve"}', '["eve"]'],
      ['send "chat" leave {room: "garden", user: "ann"}', '["bob"]'],
      ['(send "chat" read {room: "garden", after: 1}).map(fn(m) { m.number })', '[2]'],
      [
        'try { send "chat" read {room: "attic"} } catch e { [e.error, e.code, e.data.room] }',
        '["no such room", "thrown", "attic"]',
      ],
      [
        'send "moderator" ban {word: "Beans"}\ntry { send "chat" say {room: "garden", user: "bob", text: "beans again"} } catch e { e.error }',
        '"please be kind"',
      ],
    ],
  },
  {
    name: 'storage.rl',
    printed: ['drawer has ["a", "b", "c", "d", "e"]', 'shelf has ["d", "b", "e"]'],
    asked: [
      [
        '[send "drawer" take {key: "a"}, send "shelf" take {key: "a"}, send "shelf" take {key: "b"}]',
        '["A", nil, "B"]',
      ],
      ['remember("shelf", "xy")', '["x", "y", "e"]'],
    ],
  },
  {
    name: 'exchange.rl',
    printed: [
      'cem buys 5 of bob at 9.50',
      'cem buys 2 of ann at 10.00',
      "refused: struct Order field 'price': less than 0.01",
      '{buy: [], sell: ["3 at 10.00"]} turnover 67.5',
    ],
    asked: [
      [
        'send "exchange" place {side: "buy", trader: "eve", price: 9, amount: 2}\nsend "exchange" quotes {}',
        '{buy: ["2 at 9.00"], sell: ["3 at 10.00"]}',
      ],
      ['[send "exchange" cancel {id: 1}, send "exchange" cancel {id: 1}]', '[true, false]'],
      [
        'try { send "exchange" place {side: "hold", trader: "eve", price: 9, amount: 2} } catch e { e.error }',
        `"struct Order field 'side': does not match buy|sell"`,
      ],
    ],
  },
  {
    name: 'scheduler.rl',
    printed: [
      'overlaps with Lunch until 2030-05-06T13:00:00.000Z',
      '["06.05. 09:30 Dentist", "06.05. 12:00 Lunch"]',
      'within the hour: ["06.05. 09:30 Dentist"]',
      'two hours free: 2030-05-06T13:00:00.000Z',
    ],
    asked: [
      ['send "scheduler" free {minutes: 30, moment: "2030-05-06T09:00:00"}', '2030-05-06T09:00:00.000Z'],
      ['send "scheduler" due {within: 5, moment: "2030-05-06T09:00:00"}', '[]'],
      ['try { send "scheduler" book {title: "x", start: "soon"} } catch e { e.code }', '"bad_arguments"'],
    ],
  },
  {
    name: 'adventure.rl',
    printed: undefined,
    asked: [
      ['send "adventure" has_won {player: "ann"}', 'true'],
      ['send "adventure" has_won {player: "bob"}', 'false'],
      ['send("adventure", "command", "bob", "go down")', '"There is no way down."'],
      [
        'send("adventure", "command", "bob", "take apple")\nsend("adventure", "command", "bob", "bag")',
        '"apple"',
      ],
      ['send("adventure", "command", "bob", "Dance now")', '"I do not know how to dance."'],
    ],
  },
] as const) {
  describe(`examples/${name}`, () => {
    it('is listed', () => assert.ok(textOf('README.md').includes(`\`${name}\``)));
    if (printed !== undefined) {
      it('prints what its answers are', async () => {
        assert.deepEqual((await runProgram({ [name]: textOf(name) })).printed, printed);
      });
    }
    for (const [question, answer] of asked) {
      it(`answers ${question.split('\n').at(-1)}`, async () => {
        assert.equal((await runProgram({ [name]: `${textOf(name)}\n${question}` })).value, answer);
      });
    }
  });
}

describe('every example', () => {
  for (const name of globSync('*.rl', { cwd: FOLDER })) {
    it(`${name} is free of findings`, () => {
      const program = loadProgram(name, (file) => (file === name ? textOf(name) : undefined));
      assert.deepEqual([...program.diagnostics, ...checkProgram(program, builtins).diagnostics], []);
    });
  }
});
