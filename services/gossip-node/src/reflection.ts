/**
 * gRPC server reflection for many servers of one process at the price of one: the index of the
 * protos and the protos of reflection itself are made once, on first use, and its handlers, which hold
 * no state of a server, are put on each.
 */
import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { packageDefinition } from '@herald/wire';

interface SharedService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

let shared: readonly SharedService[] | undefined;

export function addReflection(server: Server): void {
  shared ??= recordServices();
  for (const { definition, handlers } of shared) server.addService(definition, handlers);
}

/** Lets the library add its services to a server that only notes them. */
function recordServices(): readonly SharedService[] {
  const services: SharedService[] = [];
  new ReflectionService(packageDefinition).addToServer({
    addService: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) => {
      services.push({ definition, handlers });
    },
  });
  return services;
}
