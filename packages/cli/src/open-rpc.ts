// The services of a program as an OpenRPC document, in the form a node gives by `rpc.discover`; http-api.md §6.

import { schemaOf } from '@relay/federation';
import type { ServiceInterface } from '@relay/language';
import { VERSION } from './version.ts';

export function openRpcOf(title: string, services: readonly ServiceInterface[]): unknown {
  return {
    openrpc: '1.3.2',
    info: { title, version: VERSION },
    methods: services.flatMap(({ name, methods }) =>
      methods.map((method) => ({
        name: `${name}.${method.name}`,
        ...(method.doc !== undefined && { description: method.doc }),
        // No argument is ever required: a missing one is nil.
        params: method.params.map((param) => ({
          name: param.name,
          required: false,
          schema: schemaOf(param.type),
        })),
        result: { name: 'result', schema: schemaOf(method.returns) },
        'x-relay': { effect: method.effect, level: method.level },
      })),
    ),
  };
}
