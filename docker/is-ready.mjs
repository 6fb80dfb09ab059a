/**
 * What a container's health check runs: ends with 0 when the process in the container says that it is
 * ready, else with 1 and what it said, which the engine keeps (`docker inspect`). Asks the operations
 * server of an elector or a gossip node, at the port that it was told to listen on.
 */
import { request } from 'node:http';

/** Less than an engine waits for the whole check, so that the reason is ours and not its. */
const PATIENCE_MS = 3_000;

const [, port] = /:(\d+)$/.exec(process.env.HERALD_OPS_LISTEN ?? '') ?? [];
if (port === undefined) fail('HERALD_OPS_LISTEN does not say where the operations server listens');

const asked = request({ host: '127.0.0.1', port, path: '/readyz', timeout: PATIENCE_MS });
asked.once('timeout', () => fail(`no answer within ${PATIENCE_MS} ms`));
asked.once('error', ({ message }) => fail(message));
asked.once('response', (answer) => {
  answer.setEncoding('utf8');
  answer.on('data', (text) => process.stdout.write(text));
  answer.once('end', () => process.exit(answer.statusCode === 200 ? 0 : 1));
});
asked.end();

function fail(why) {
  process.stdout.write(`not ready: ${why}\n`);
  process.exit(1);
}
