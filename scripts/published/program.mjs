/** An ES module that uses the published packages. */
import * as grpc from '@grpc/grpc-js';
import * as client from '@herald/client';
import * as native from '@herald/client/grpc';
import * as telemetry from '@herald/client/opentelemetry';
import * as testing from '@herald/client/testing';
import * as core from '@herald/core';
import * as wire from '@herald/wire';
import { useHerald } from './use-herald.cjs';

const herald = { core, wire, client, native, telemetry, testing };
console.log(JSON.stringify(await useHerald({ ...herald, grpc })));
