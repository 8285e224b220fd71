// The six checks of the demo: what is asked of which node, and the one answer that is right. cli.md §8.2.

import { isDeepStrictEqual } from 'node:util';
import { asArray, asNumber, asObject, type JsonObject } from '../json.ts';
import type { DemoFederation, NodeName } from './federation.ts';

export interface Exchange {
  readonly node: NodeName;
  /** Path of a GET, or the JSON-RPC request of a POST to /rpc. */
  readonly request: string | JsonObject;
  readonly answer: unknown;
  /** The part of the answer that a person wants to see. */
  readonly shown: unknown;
  /** As the answer has it, if it was traced. */
  readonly trace?: JsonObject;
  /** Empty when the answer is the expected one. */
  readonly problems: readonly string[];
}

export interface CheckResult {
  readonly title: string;
  readonly exchanges: readonly Exchange[];
  readonly ok: boolean;
}

interface Step {
  readonly node: NodeName;
  readonly request: string | JsonObject;
  readonly verify: (answer: JsonObject) => readonly string[];
}

interface Check {
  readonly title: string;
  readonly steps: readonly Step[];
}

const POSTS = [
  {
    _type: 'Post',
    id: 1,
    title: 'Hello, federation',
    content: 'This blog runs on a small machine at home.',
    tags: ['relay'],
  },
  {
    _type: 'Post',
    id: 2,
    title: 'No open ports',
    content: 'It only dials out, and can still be called.',
    tags: ['relay', 'nat'],
  },
];
const PRODUCTS = [
  { _type: 'Product', sku: 'lamp', name: 'Desk lamp', price: 24, stock: 5 },
  { _type: 'Product', sku: 'cable', name: 'Network cable', price: 6, stock: 40 },
];
const HEADLINES = [
  { _type: 'Headline', id: 1, title: 'Library opens on Sundays', topic: 'town' },
  { _type: 'Headline', id: 2, title: 'Two towns share one bus', topic: 'traffic' },
  { _type: 'Headline', id: 3, title: 'Old mill gives power again', topic: 'energy' },
];
const NEWS = { available: true, titles: POSTS.map((post) => post.title) };

export const CHECKS: readonly Check[] = [
  {
    title: 'A local call: alice.home asks its own blog',
    steps: [
      {
        node: 'alice.home',
        request: remoteCall({ node_id: 'local', server_name: 'blog_service', method: 'get_posts' }),
        verify: traced(POSTS, ['alice.home']),
      },
    ],
  },
  {
    title: "Two hops: alice.home asks the shop of bob.home, and the shop's own call to the blog",
    steps: [
      {
        node: 'alice.home',
        request: remoteCall({
          node_id: 'bob.home@relay-a.com',
          server_name: 'shop_service',
          method: 'get_products',
        }),
        verify: traced(PRODUCTS, ['alice.home', 'relay-a.com', 'bob.home']),
      },
      {
        // The program of the shop sends to the blog: bob.home → relay-a.com → alice.home.
        node: 'bob.home',
        request: remoteCall({ node_id: 'local', server_name: 'shop_service', method: 'get_news' }),
        verify: traced(NEWS, ['bob.home']),
      },
    ],
  },
  {
    title: 'Three hops: alice.home asks the news of charlie.home at the other Main Relay',
    steps: [
      {
        node: 'alice.home',
        request: remoteCall({
          node_id: 'charlie.home@relay-b.com',
          server_name: 'news_service',
          method: 'get_headlines',
        }),
        verify: traced(HEADLINES, ['alice.home', 'relay-a.com', 'relay-b.com', 'charlie.home']),
      },
    ],
  },
  {
    title: 'A call by service name through relay-b.com, which finds the blog at relay-a.com',
    steps: [
      {
        node: 'relay-b.com',
        request: remoteCall({ service_name: 'blog_service', method: 'get_posts' }),
        verify: traced(POSTS, ['client', 'relay-b.com', 'relay-a.com', 'alice.home']),
      },
    ],
  },
  {
    title: 'A node that does not exist is an error, at once',
    steps: [
      {
        node: 'relay-a.com',
        request: remoteCall({ node_id: 'nonexistent.home', server_name: 'fake_service', method: 'test' }),
        verify: (answer) => {
          const error = asObject(answer['error']);
          return [
            ...expect('error code', error['code'], -32001),
            ...(String(error['message']).startsWith('Service not found')
              ? []
              : [
                  `message is ${JSON.stringify(error['message'])} instead of one that begins Service not found`,
                ]),
            ...expect('executed', asObject(error['data'])['executed'], 'no'),
          ];
        },
      },
    ],
  },
  {
    title: 'The health of the federation, as relay-a.com sees it',
    steps: [
      {
        node: 'relay-a.com',
        request: '/federation/health',
        verify: (health) => [
          ...expect('status', health['status'], 'healthy'),
          ...expect('connected_homes', health['connected_homes'], 2),
          ...expect('connected_peers', health['connected_peers'], 1),
          ...expect('total_services', health['total_services'], 3),
          ...expect('failed_services', health['failed_services'], 0),
          ...(/^\d+ms$/.test(String(health['average_latency'])) ? [] : ['average_latency is not in ms']),
        ],
      },
    ],
  },
];

export async function runCheck(check: Check, federation: DemoFederation): Promise<CheckResult> {
  const exchanges: Exchange[] = [];
  for (const { node, request, verify } of check.steps) {
    const answer =
      typeof request === 'string' ? await federation.get(node, request) : await federation.rpc(node, request);
    const body = asObject(answer);
    const result = asObject(body['result']);
    const isTraced = 'trace' in result;
    const failed = asObject(asObject(body['error'])['data'])['trace'];
    exchanges.push({
      node,
      request,
      answer,
      shown: isTraced ? result['result'] : 'error' in body ? body['error'] : answer,
      ...(isTraced
        ? { trace: asObject(result['trace']) }
        : failed === undefined
          ? {}
          : { trace: asObject(failed) }),
      problems: verify(body),
    });
  }
  return { title: check.title, exchanges, ok: exchanges.every((exchange) => exchange.problems.length === 0) };
}

function remoteCall(params: JsonObject): JsonObject {
  return { jsonrpc: '2.0', method: 'remote_call', params: { ...params, trace: true }, id: 1 };
}

/** The result, the way and its length. */
function traced(value: unknown, path: readonly string[]): (answer: JsonObject) => readonly string[] {
  return (answer) => {
    if ('error' in answer) return [`error ${JSON.stringify(answer['error'])}`];
    const { result, trace } = asObject(answer['result']);
    const { path: way, hops } = asObject(trace);
    return [
      ...expect('result', result, value),
      ...expect('path', asArray(way), path),
      ...expect('hops', asNumber(hops), path.length - 1),
    ];
  };
}

function expect(what: string, actual: unknown, expected: unknown): readonly string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  return [`${what} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}
