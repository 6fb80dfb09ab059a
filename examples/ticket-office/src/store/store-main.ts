/**
 * The store's process: the log behind two methods. Decides what is told to a leader whose time is over.
 */
import { parseArgs } from 'node:util';
import { Server, status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { ElectorError } from '@herald/elector';
import { tell } from '../protocol/messages.ts';
import { asked, listen } from '../protocol/serve.ts';
import { storeService, toToken, toTokenMessage } from '../protocol/services.ts';
import type {
  AppendRequest,
  AppendResponse,
  OpenRequest,
  OpenResponse,
} from '../protocol/services.ts';
import { TicketLog } from './ticket-log.ts';

const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:7500' },
    file: { type: 'string', default: 'tickets.log' },
    'without-fence': { type: 'boolean', default: false },
  },
});

/** The answer of `work`. Nothing of a write that the fence refuses takes effect, and nothing ever will. */
function answerWith<Response>(work: Promise<Response>, answer: sendUnaryData<Response>): void {
  work.then(
    (response) => {
      answer(null, response);
    },
    (error: unknown) => {
      const isStale = error instanceof ElectorError && error.code === 'STALE_EPOCH';
      const details = error instanceof Error ? error.message : String(error);
      answer({ code: isStale ? status.FAILED_PRECONDITION : status.INTERNAL, details });
    },
  );
}

await using log = await TicketLog.open(values.file, { isFenced: !values['without-fence'] });

async function open({ token }: OpenRequest): Promise<OpenResponse> {
  return { lastNumber: await log.begin(toToken(token)) };
}

async function append(request: AppendRequest): Promise<AppendResponse> {
  const ticket = await log.append({ ...request, ...toToken(request.token) });
  return { ticket: { ...toTokenMessage(ticket), number: ticket.number } };
}

const server = new Server();
server.addService(storeService, {
  Open: (
    { request }: ServerUnaryCall<OpenRequest, OpenResponse>,
    answer: sendUnaryData<OpenResponse>,
  ) => {
    answerWith(open(request), answer);
  },
  Append: (
    { request }: ServerUnaryCall<AppendRequest, AppendResponse>,
    answer: sendUnaryData<AppendResponse>,
  ) => {
    answerWith(append(request), answer);
  },
});
await listen(server, values.listen);
tell({ kind: 'ready' });
await asked();
server.forceShutdown();
