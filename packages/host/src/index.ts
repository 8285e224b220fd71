// What the package gives to the command line and to authors of services.

export type {
  CallContext,
  MethodFunction,
  MethodOptions,
  ServicePorts,
  TypeScriptService,
} from './typescript-service.ts';
export { ApplicationError, defineService } from './typescript-service.ts';
