/** A request, and the answer of a backend to it. */
export interface Message {
  readonly request: Buffer
  readonly answer: Buffer
}

const HOST = 'Host: 127.0.0.1:8080\r\n'

/** The shapes of `bench/proxy` that this bench has as well. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  small: { request: get('/small'), answer: json(105) },
  '10k': { request: get('/10k'), answer: json(10 * 1024) },
  'post-1k': {
    request: Buffer.from(`POST /post HTTP/1.1\r\n${HOST}Content-Length: 1024\r\n\r\n${'x'.repeat(1024)}`),
    answer: json(14),
  },
}

function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${HOST}\r\n`)
}

function json(bytes: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: ${new Date().toUTCString()}\r\n`
  return Buffer.from(`${head}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`)
}
