/**
 * The common part of every worker process: it answers the calls of the lab until the lab is gone.
 * Decides when a worker ends: on SIGTERM, and when its channel closes, for whatever reason.
 */
import { answerCall } from './calls.ts';
import type { CallHandlers, CallShapes } from './calls.ts';

/**
 * Serves `handlers` for the life of this process. A worker has nothing to say goodbye to: it ends
 * when everything around it does, so it exits at once and leaves closing its sockets to the kernel.
 */
export function serveWorker<Calls extends CallShapes<Calls>>(handlers: CallHandlers<Calls>): void {
  const end = (): never => process.exit(0);
  process.on('SIGTERM', end);
  process.on('disconnect', end);
  process.on('message', (message) => {
    void answerCall(handlers, message, (reply) => {
      // The channel closes with the lab, while a reply is under way too; 'disconnect' ends us then.
      process.send?.(reply, undefined, undefined, () => undefined);
    });
  });
  // The lab may have gone while our modules were loading, before anybody listened.
  if (!process.connected) end();
}
