/**
 * Every bound of a Herald process that is not the protocol's, named once with its reason.
 */
export const processLimits = {
  /** From the first stop signal (or the end of main) to the last resource closed. Docker kills after 10 s. */
  shutdownTimeoutMs: 9_000,
  /**
   * A second signal this soon after the first is the same request: `npm` forwards the terminal's
   * Ctrl-C to a child that got it already, within milliseconds.
   */
  repeatedSignalWindowMs: 500,
  /** Log lines that wait for a slow reader; beyond it new lines are dropped, never the memory. */
  logBufferBytesMax: 1_048_576,
  /** Pause before the next try when the log's pipe is full. */
  logRetryMs: 20,
  /** How long an ending process waits for its log reader. */
  logFlushTimeoutMs: 1_000,
  /** Nesting of one logged field, and the length of a chain of causes. */
  logDepthMax: 8,
  /** Elements of one logged array, keys of one logged object. */
  logItemsMax: 100,
  /** Characters of one logged string; a stack of ordinary depth fits. */
  logStringCharactersMax: 8_192,
  /** Causes that one line for the operator follows; the log has them all. */
  describedCausesMax: 5,
  /** Values of a repeatable option, unless its table says otherwise. */
  listItemsMax: 256,
  /** Characters of a rejected value that an error message repeats. */
  givenCharactersMax: 80,
  /**
   * Between two looks at files that may be replaced. A look is one `stat` a file; SIGHUP does not wait. New
   * keys and certificates are laid out long before the old end, so that seconds do not matter.
   */
  fileWatchIntervalMs: 5_000,
  /** A file with keys or certificates: a trust store of all public authorities is a quarter of it. */
  watchedFileBytesMax: 1_048_576,
  /** Columns of `--help`: the narrowest terminal in use. */
  helpColumns: 80,
  /** Operations HTTP has no route that takes a large body. */
  httpBodyBytesMax: 16_384,
  /** One part of a path: twice the longest name, so that a name that is too long is told so and not 404. */
  httpParameterCharactersMax: 256,
  /** From the first byte of a request to its last; a slow sender holds a connection no longer. */
  httpRequestTimeoutMs: 5_000,
  /** Requests on one connection; those that are sent without waiting for answers are kept in memory. */
  httpRequestsPerConnectionMax: 100,
  /** Idle time between two requests on one connection; scrapes come every 10 to 60 s and may reconnect. */
  httpKeepAliveTimeoutMs: 5_000,
  /** Connections at once: probes, scrapers, callers of `/v1` and watchers. Each costs some 15 kB: 15 MB at most. */
  httpConnectionsMax: 1_024,
  /** Streams of events at once: a quarter of the connections, so that watchers never shut probes out. */
  httpEventStreamsMax: 256,
  /** A sign of life on idle streams: below the minute after which proxies give idle connections up. */
  httpHeartbeatMs: 15_000,
  /** How long the reader of a stream may take nothing before it loses its place. */
  httpStallTimeoutMs: 60_000,
  /** How soon a reader whose stream ended comes back; browsers would take 3 s. */
  httpEventRetryMs: 1_000,
  /** How long the end of a process waits for a reader to take the end of its stream. */
  httpEndTimeoutMs: 500,
} as const;
