/**
 * What etcd itself says of the election: the ground truth. Decides nothing: the key with the lowest
 * create revision leads, by the rule of etcd's own election recipe.
 */
import { Etcd3 } from 'etcd3';

export interface LeaderKey {
  readonly key: string;
  /** Its create revision. */
  readonly epoch: bigint;
  readonly value: string;
}

/** Read linearizably, over a connection of its own that is closed again. */
export async function readLeaderKey(
  endpoints: readonly string[],
  prefix: string,
): Promise<LeaderKey | undefined> {
  const client = new Etcd3({
    hosts: [...endpoints],
    grpcOptions: { 'grpc.use_local_subchannel_pool': 1 },
  });
  try {
    const answer = await client.getAll().prefix(prefix).sort('Create', 'Ascend').limit(1).exec();
    const [first] = answer.kvs;
    if (first === undefined) return undefined;
    return {
      key: first.key.toString(),
      epoch: BigInt(first.create_revision),
      value: first.value.toString(),
    };
  } finally {
    client.close();
  }
}
