import { cLibrary } from './c-library.ts'
import { once } from './once.ts'

const MSG_PEEK = 0x02
const MSG_DONTWAIT = 0x40

type Receive = (fd: number, into: Buffer, length: number, flags: number) => number

const receive = once(open)

/** Whether the bytes of a socket can be looked at before the runtime reads them. */
export function canPeek(): boolean {
  return receive() !== undefined
}

/**
 * Looks at what a socket has received and leaves it there; recv(2).
 *
 * @returns how many bytes there were, at most the buffer's length; 0 at the end of the input, -1 when there are none yet
 */
export function peek(fd: number, into: Buffer): number {
  return receive()?.(fd, into, into.length, MSG_PEEK | MSG_DONTWAIT) ?? -1
}

/** Takes as many bytes from a socket as `peek` has shown. */
export function take(fd: number, length: number): void {
  receive()?.(fd, Buffer.allocUnsafe(length), length, MSG_DONTWAIT)
}

function open(): Receive | undefined {
  return cLibrary({ recv: { args: ['i32', 'buffer', 'u64', 'i32'], returns: 'i32' } })?.recv
}
