import { constants } from 'node:os'
import { openLibc } from '../system/libc.ts'

/**
 * Lets this thread write to its terminal from the background, whatever `stty tostop` says: the terminal driver refuses
 * that by SIGTTOU, and with a handler for it a write is interrupted and tried again for ever. A thread that blocks the
 * signal writes (termios(3)); a signal that is sent to the process still reaches the handler, by another thread. Call it
 * where such a handler is installed.
 */
export function writeInBackground(): void {
  openLibc()?.blockInThread([constants.signals.SIGTTIN, constants.signals.SIGTTOU])
}
