// Another log level for one service or peer, for a time, while the node runs. Source: http-api.md §10.7.

import { isName, isNodeId, NodeTypeMain } from '@relay/protocol';
import type { FastifyRequest } from 'fastify';
import type { LogSubject } from '../observe/log.ts';
import { type Answer, bodyObject, type Context, ok, type Route, refuse } from './route.ts';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
const DEFAULT_SECONDS = 600;
const MAX_SECONDS = 86_400;

export const LOG_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/federation/log',
    servedBy: [NodeTypeMain],
    needsRegistry: true,
    isAdmin: true,
    answer: followLog,
  },
];

function followLog({ ports }: Context, request: FastifyRequest): Answer {
  const body = bodyObject(request);
  if (body === undefined) return refuse('bad_request', 'Invalid JSON');
  const { level: word, service, peer, seconds = DEFAULT_SECONDS } = body;
  const level = LEVELS.find((each) => each === word);
  if (level === undefined) return refuse('bad_request', `level must be one of ${LEVELS.join(', ')}`);
  const subject = subjectOf(service, peer);
  if (typeof subject === 'string') return refuse('bad_request', subject);
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS)) {
    return refuse('bad_request', `seconds must be a number greater than 0 and at most ${MAX_SECONDS}`);
  }
  if (!ports.log.follow(subject, level, seconds * 1_000)) {
    return refuse('conflict', 'too many services and peers have a level of their own; wait until some end');
  }
  ports.log.info('log level changed', { ...subject, level, seconds });
  return ok({ status: 'success' });
}

function subjectOf(service: unknown, peer: unknown): LogSubject | string {
  const isService = service !== undefined && service !== null;
  if (isService === (peer !== undefined && peer !== null)) return 'either service or peer is required';
  if (isService) {
    return typeof service === 'string' && isName(service)
      ? { service }
      : 'service must be the name of a service';
  }
  return typeof peer === 'string' && isNodeId(peer) ? { peer } : 'peer must be the id of a node';
}
