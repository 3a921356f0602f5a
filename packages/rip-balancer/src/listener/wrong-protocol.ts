import { writeSync } from 'node:fs'

const SENTENCE = '400 Bad Request\nThis port speaks HTTPS: the address has to begin with https:// here.\n'

const ANSWER = Buffer.from(
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${SENTENCE.length}\r\n` +
    `Connection: close\r\n\r\n${SENTENCE}`,
)

/** What TLS begins with: a record of the handshake, of a version 3.x (RFC 8446 §5.1). No method does. */
const HANDSHAKE_RECORD = 0x16
const MAJOR_VERSION = 3

/** A fatal `handshake_failure` in a record of TLS (RFC 8446 §6), which clients can tell from a broken connection. */
export const NO_TLS_HERE: Buffer = Buffer.from([0x15, 3, 1, 0, 2, 2, 40])

/** Whether a client that was expected to speak HTTP begins with TLS. */
export function beginsWithTls(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === HANDSHAKE_RECORD && bytes[at + 1] === MAJOR_VERSION
}

/** Whether a handshake failed because the client spoke plain HTTP, as the TLS library recognises the usual methods. */
export function isPlainHttp(error: Error | null): boolean {
  return error !== null && /:HTTP(?:S_PROXY)?_REQUEST$/.test(error.message)
}

/** Answers plain HTTP on the descriptor of a TLS socket, on which nothing has been sent. */
export function answerPlainHttp(fd: number | undefined): void {
  if (fd === undefined) return
  try {
    writeSync(fd, ANSWER)
  } catch {
    // EPIPE, ECONNRESET: the client does not wait for it.
  }
}
