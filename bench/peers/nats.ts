// JavaScript clients of NATS: nats.ts echo HOST:PORT answers, nats.ts load HOST:PORT asks. Texts travel as their bytes, without JSON,
// which is less work than a call of ours does.

import { serveLoad } from '../load.ts';
import { answerProbes } from '../probe.ts';
import { sayReady } from '../processes.ts';

interface Message {
  readonly data: Uint8Array;
  string(): string;
  respond(data: Uint8Array): boolean;
}

interface Connection {
  subscribe(subject: string, options: { callback(error: Error | null, message: Message): void }): unknown;
  request(subject: string, data: string, options: { timeout: number }): Promise<Message>;
  flush(): Promise<void>;
}

// Not a literal, so that types are checked without it.
const packageName: string = '@nats-io/transport-node';
const { connect } = (await import(packageName)) as {
  connect(options: { servers: string }): Promise<Connection>;
};
const [role = '', servers = ''] = process.argv.slice(2);
const connection = await connect({ servers });

if (role === 'echo') {
  connection.subscribe('echo', { callback: (_error, message) => message.respond(message.data) });
  await connection.flush();
  sayReady({});
  answerProbes();
} else {
  serveLoad((order) => {
    const text = 'a'.repeat(order.bodyBytes);
    return (settle) => {
      connection.request('echo', text, { timeout: 10_000 }).then(
        (answer) => settle(answer.string() === text),
        () => settle(false),
      );
    };
  });
}
