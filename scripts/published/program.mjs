/** An ES module that uses the published packages. */
import * as grpc from '@grpc/grpc-js';
import * as client from '@herald/client';
import * as native from '@herald/client/grpc';
import * as core from '@herald/core';
import * as wire from '@herald/wire';
import { useHerald } from './use-herald.cjs';

console.log(JSON.stringify(await useHerald({ core, wire, client, native, grpc })));
