// A service written in TypeScript that joins a federation as a Home Relay.
//
//   scripts/run examples/typescript-service/main.ts ws://127.0.0.1:8080
//   relay call clock_service.now '["Europe/Paris"]'
//   relay call clock_service.greet_from_blog              it calls another service, too

import { mkdirSync } from 'node:fs';
import { createLog, holdPort, startRelay, systemClock } from '@relay/federation';
import { ApplicationError, defineService } from '@relay/host';

const main = process.argv[2] ?? 'ws://127.0.0.1:8080';

const clock = defineService('clock_service', {
  now: {
    params: { zone: 'optional(string)' },
    returns: 'string',
    effect: 'reads',
    doc: 'The time of day in a time zone, UTC without one.',
    run: (_context, zone = 'UTC') => {
      try {
        return new Date().toLocaleTimeString('en-GB', { timeZone: zone });
      } catch {
        throw new ApplicationError({ error: 'unknown time zone', zone });
      }
    },
  },
  greet_from_blog: {
    params: [],
    doc: 'How many posts the blog of this federation has.',
    run: async (context) => {
      const posts = await context.call('blog_service', 'get_posts');
      return `the blog has ${Array.isArray(posts) ? posts.length : 'no'} posts`;
    },
  },
});

const folder = '.relay/clock.home';
mkdirSync(folder, { recursive: true });
const node = await startRelay({
  nodeType: 'home',
  nodeId: 'clock.home',
  version: '1.0.0',
  port: await holdPort({ host: '127.0.0.1', port: 0 }),
  folder,
  services: [clock],
  urls: [new URL('/ws/federation', main).href],
  log: createLog({
    level: 'info',
    format: 'text',
    write: (line) => process.stderr.write(line),
    clock: systemClock,
  }),
  events: { emit: (event) => console.log(event.kind, 'url' in event ? event.url : '') },
});
clock.connect({
  clock: systemClock,
  nodeId: () => node.nodeId,
  outbound: node.outbound,
  // After `clock.reportHealth(false)` calls go to other instances, until it reports true.
  onHealth: () => node.setServices([clock]),
});
node.connect();
console.log(`clock_service listens at ${node.url} and joins ${main}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void node.stop());
