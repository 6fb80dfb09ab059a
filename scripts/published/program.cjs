/** A CommonJS program that uses the published packages. */
'use strict';

const { useHerald } = require('./use-herald.cjs');

void useHerald({
  core: require('@herald/core'),
  wire: require('@herald/wire'),
  client: require('@herald/client'),
  native: require('@herald/client/grpc'),
  telemetry: require('@herald/client/opentelemetry'),
  testing: require('@herald/client/testing'),
  grpc: require('@grpc/grpc-js'),
}).then((outcome) => console.log(JSON.stringify(outcome)));
