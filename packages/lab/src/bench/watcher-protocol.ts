/** What the bench asks a worker process that hosts direct watchers of etcd. */

export interface WatcherCalls {
  /** Opens more watchers, each with a connection of its own; answered when etcd has confirmed all. */
  readonly open: {
    readonly request: {
      readonly endpoints: readonly string[];
      readonly prefix: string;
      readonly count: number;
    };
    readonly reply: null;
  };
  /** When each watcher received the value with this mark; null where it has not. */
  readonly receipts: {
    readonly request: { readonly mark: string };
    readonly reply: readonly (number | null)[];
  };
}
