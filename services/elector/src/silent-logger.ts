/** For applications that bring no logger. */
import { createLogger } from '@herald/process';
import type { Logger } from '@herald/process';

export const silentLogger: Logger = createLogger({
  name: 'herald-elector',
  level: 'silent',
  destination: { write: () => undefined },
});
