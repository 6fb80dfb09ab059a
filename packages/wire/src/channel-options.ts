/** Decides how channels and servers of Herald are set up, for each kind of conversation. */
import type { ChannelOptions } from '@grpc/grpc-js';
import { limits } from '@herald/core';
import { wireBounds } from './bounds.ts';

const common = {
  // grpc-js would wait 1 s, then up to 120 s, before it dials again; a fleet heals faster than that.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Retries are decided by those who know what may be repeated: the overlay and the client.
  'grpc.enable_retries': 0,
  // An address of a member is dialled as it stands: no TXT look-up for a service config, no proxy.
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  // With TLS members are told by the URI in their certificates, not by host names; without a name of its
  // own grpc-js would send an IP address as SNI, and Node warn of it.
  'grpc.ssl_target_name_override': 'herald',
  // Nobody reads channelz here, and its counters cost something on every message.
  'grpc.enable_channelz': 0,
} as const;

export const channelOptions = {
  /** For the one long stream between two members. Each link has a connection of its own. */
  link: {
    ...common,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': limits.frameBytesMax,
    'grpc.max_send_message_length': limits.frameBytesMax,
  },
  /** For questions to members and electors; clients of one process share connections. */
  query: {
    ...common,
    'grpc.max_receive_message_length': wireBounds.answerBytesMax,
    'grpc.max_send_message_length': wireBounds.requestBytesMax,
  },
  /** For `new grpc.Server(…)`: nothing that Herald receives is larger than a frame. */
  server: {
    // Channelz stays on here: without it grpc-js 1.14 keeps no list of its sessions, and
    // tryShutdown and forceShutdown leave every connection open.
    'grpc.max_receive_message_length': limits.frameBytesMax,
    'grpc.max_send_message_length': wireBounds.answerBytesMax,
    // Node's own default would be four billion. A client has a stream of lookups and some watches; what it
    // opens beyond waits at its own end.
    'grpc.max_concurrent_streams': 1_024,
    // In megabytes, of one connection, where grpc-js would set none: four of the largest lists of members
    // that wait for a reader. Beyond it no stream is opened any more on that connection.
    'grpc-node.max_session_memory': 64,
    // A connection on which nobody has asked anything for five minutes is closed; its owner dials again.
    'grpc.max_connection_idle_ms': 300_000,
  },
} as const satisfies Record<string, ChannelOptions>;
