// What one HTTP connection may cost. A client may send requests before it has read the answers to earlier ones; an answer is kept until
// it is read, and may be a thousand times as long as its request. So a few requests of a connection are worked on at once. The others
// wait in their order, and while one waits nothing more is read from the connection: its client feels that as back-pressure.

import type http from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@relay/protocol';

export interface ConnectionLimits {
  /** Requests that are worked on, or whose answers the operating system has not taken yet. */
  readonly socketUnanswered: number;
  /** Requests of a connection in all its life; the answer to the last one closes it. */
  readonly socketRequests: number;
}

type Exchange = readonly [http.IncomingMessage, http.ServerResponse];

/**
 * Hands the requests of `server` to `answer` within these limits. The `timeout` of the server is how long a connection may do nothing:
 * one that has an answer to take or nothing to wait for is ended then, one that waits for an answer is not.
 */
export function limitConnections(
  server: http.Server,
  answer: http.RequestListener,
  limits: ConnectionLimits,
  { defer }: Pick<Clock, 'defer'>,
): void {
  const connections = new WeakMap<Socket, Connection>();
  server.on('request', (request, response) => {
    const { socket } = request;
    let connection = connections.get(socket);
    if (connection === undefined) {
      connection = new Connection(socket, answer, limits, defer);
      connections.set(socket, connection);
    }
    connection.take(request, response);
  });
  server.on('timeout', (socket) => {
    const connection = connections.get(socket);
    // Who has not asked anything yet has the time that Node gives for a request.
    if (connection === undefined) return;
    if (!connection.isWaiting || socket.writableLength > 0) socket.destroy();
  });
  // Node answers these without asking anybody, so that no limit would count them.
  server.on('checkExpectation', (_request, response) => {
    response.writeHead(417, { connection: 'close' }).end();
  });
}

class Connection {
  readonly #socket: Socket;
  readonly #answer: http.RequestListener;
  readonly #limits: ConnectionLimits;
  readonly #defer: Clock['defer'];
  readonly #waiting: Exchange[] = [];
  readonly #onAnswered = (): void => this.#answered();
  readonly #onTurn = (): void => this.#turn();
  #requests = 0;
  #unanswered = 0;
  #isTurnDue = false;
  #isHeld = false;
  #wasHeld = false;

  constructor(socket: Socket, answer: http.RequestListener, limits: ConnectionLimits, defer: Clock['defer']) {
    this.#socket = socket;
    this.#answer = answer;
    this.#limits = limits;
    this.#defer = defer;
  }

  /** Whether its client has asked for something that it has not been given yet. */
  get isWaiting(): boolean {
    return this.#unanswered > 0;
  }

  take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { socketRequests, socketUnanswered } = this.#limits;
    this.#requests += 1;
    if (this.#requests > socketRequests) {
      // The connection ends before this one's turn.
      this.#hold();
      return;
    }
    if (this.#requests === socketRequests) response.setHeader('connection', 'close');
    if (this.#unanswered < socketUnanswered) this.#begin(request, response);
    else {
      this.#waiting.push([request, response]);
      this.#hold();
    }
  }

  #begin(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.#unanswered += 1;
    response.on('close', this.#onAnswered);
    this.#answer(request, response);
  }

  #answered(): void {
    this.#unanswered -= 1;
    if (this.#waiting.length === 0 || this.#isTurnDue) return;
    // Not at once: while answers fit into the buffers of the operating system, nobody else would get a turn.
    this.#isTurnDue = true;
    this.#defer(this.#onTurn);
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#socket.destroyed) this.#waiting.length = 0;
    while (this.#unanswered < this.#limits.socketUnanswered) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#begin(...next);
    }
    if (this.#waiting.length === 0 && this.#requests <= this.#limits.socketRequests) this.#release();
  }

  #hold(): void {
    this.#isHeld = true;
    this.#socket.pause();
    if (this.#wasHeld) return;
    this.#wasHeld = true;
    // Node reads on when an answer has left, and so does a handler that reads a body.
    this.#socket.on('resume', () => {
      if (this.#isHeld) this.#socket.pause();
    });
  }

  #release(): void {
    this.#isHeld = false;
    this.#socket.resume();
  }
}
