import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly url: string
  readonly path: string
  readonly perSecond: number
  /** Sent with every third request, which is a POST then; the answer's `body` must be its length. @default only GET */
  readonly post?: string
}

export interface Load {
  /** How many requests were sent so far. */
  readonly sent: number
  /** Sends no more, and tells once every request has ended. */
  stop(): Promise<LoadReport>
}

export interface LoadReport {
  /** One sentence per request that was not answered with 200 and its whole body. */
  readonly failures: readonly string[]
  /** Bodies of the answers, parsed as JSON, in the order they came. */
  readonly answers: readonly Record<string, unknown>[]
}

/**
 * Sends requests at a fixed rate, whether earlier ones were answered or not: half on a connection of their own,
 * half on kept ones. Speaks TCP itself, as an HTTP client would hide failures by trying again.
 */
export function startLoad({ url, path, perSecond, post }: LoadOptions): Load {
  const { hostname, port, host } = new URL(url)
  const idle = new Set<Socket>()
  const running = new Set<Promise<void>>()
  const failures: string[] = []
  const answers: Record<string, unknown>[] = []
  let sent = 0

  const exchange = async (keep: boolean, body: string | undefined): Promise<void> => {
    const kept = keep ? [...idle][0] : undefined
    if (kept !== undefined) idle.delete(kept)
    const socket = kept ?? connect(Number(port), hostname)
    try {
      if (kept === undefined) await once(socket, 'connect')
      const close = keep ? '' : 'Connection: close\r\n'
      const method = body === undefined ? 'GET' : 'POST'
      const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${close}${length}\r\n${body ?? ''}`)
      const told = JSON.parse(await answer(socket)) as Record<string, unknown>
      if (body !== undefined && told['body'] !== body.length)
        throw new Error(`the body was lost: ${String(told['body'])}`)
      answers.push(told)
    } catch (error) {
      failures.push(`${keep ? 'kept' : 'fresh'}: ${String(error)}`)
      socket.destroy()
      return
    }
    if (!keep || socket.readableEnded || socket.destroyed) return void socket.destroy()
    if (kept === undefined) socket.once('close', () => idle.delete(socket))
    idle.add(socket)
  }

  const timer = setInterval(() => {
    sent += 1
    const one = exchange(sent % 2 === 0, sent % 3 === 0 ? post : undefined)
    running.add(one)
    void one.finally(() => running.delete(one))
  }, 1_000 / perSecond)

  return {
    get sent() {
      return sent
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(running)
      for (const socket of idle) socket.destroy()
      return { failures, answers }
    },
  }
}

/** Reads one response with a Content-Length; throws when the connection ends before its last byte. */
function answer(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1')
    const bodyAt = text.indexOf('\r\n\r\n') + 4
    if (bodyAt < 4) return
    if (!text.startsWith('HTTP/1.1 200 ')) return reject(new Error(text.slice(0, 200)))
    const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
    if (length === undefined) return reject(new Error(`no Content-Length in ${text.slice(0, bodyAt)}`))
    if (text.length >= bodyAt + Number(length)) resolve(text.slice(bodyAt))
  }
  const onEnd = (): void => reject(new Error(`ended after ${text.length} bytes`))
  socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', reject)
  return promise.finally(() => {
    socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', reject)
  })
}
