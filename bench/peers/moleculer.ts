// A node of Moleculer: moleculer.ts echo|load TRANSPORTER-JSON. It logs nothing; everything else is as it is by default.

import { serveLoad } from '../load.ts';
import { sayReady } from '../processes.ts';

interface Broker {
  createService(schema: object): unknown;
  start(): Promise<void>;
  waitForServices(name: string): Promise<unknown>;
  call(action: string, params: object): Promise<unknown>;
}

// Not a literal, so that types are checked without it.
const packageName: string = 'moleculer';
const { default: moleculer } = (await import(packageName)) as {
  default: { ServiceBroker: new (options: object) => Broker };
};
const [role = '', transporter = ''] = process.argv.slice(2);
const broker = new moleculer.ServiceBroker({
  nodeID: role,
  logger: false,
  transporter: JSON.parse(transporter) as unknown,
});

if (role === 'echo') {
  broker.createService({
    name: 'echo',
    actions: {
      echo: {
        params: { text: 'string' },
        handler: ({ params }: { params: { text: string } }) => params.text,
      },
    },
  });
  await broker.start();
  sayReady({});
} else {
  await broker.start();
  await broker.waitForServices('echo');
  serveLoad((order) => {
    const text = 'a'.repeat(order.bodyBytes);
    return (settle) => {
      broker.call('echo.echo', { text }).then(
        (answer) => settle(answer === text),
        () => settle(false),
      );
    };
  });
}
