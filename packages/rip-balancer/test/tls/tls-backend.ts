import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'

const FOLDER = join(import.meta.dir, 'certificates')

/** Path of a certificate or key of the tests; `make.sh` beside them lists them. */
export const pem = (name: string): string => join(FOLDER, name)

const read = (name: string): string => readFileSync(pem(name), 'utf8')

export interface TlsBackendOptions {
  /** @default 'backend' */
  readonly certificate?: string
  /** Turns away clients whose certificate is not signed by the authority. @default false */
  readonly asksForCertificate?: boolean
  readonly maxVersion?: tls.SecureVersion
  /** Answer to each request without a body. @default 200 with the body `ok` */
  readonly answer?: string
}

/** An HTTPS server that records requests and the names in SNI. */
export class TlsBackend implements AsyncDisposable {
  received = ''
  connections = 0
  /** Names it was asked for (SNI). */
  readonly names: unknown[] = []
  private readonly server: tls.Server
  private readonly sockets = new Set<tls.TLSSocket>()

  private constructor({
    certificate = 'backend',
    asksForCertificate = false,
    maxVersion,
    answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  }: TlsBackendOptions) {
    const options = {
      cert: read(`${certificate}.crt`),
      key: read(`${certificate}.key`),
      ...(asksForCertificate && { ca: read('authority.crt'), requestCert: true, rejectUnauthorized: true }),
      ...(maxVersion && { maxVersion }),
    }
    this.server = tls.createServer(options, (socket) => {
      this.connections++
      this.sockets.add(socket)
      this.names.push((socket as tls.TLSSocket & { servername: unknown }).servername)
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        this.received += chunk.toString('latin1')
        if (this.received.endsWith('\r\n\r\n')) socket.write(Buffer.from(answer, 'latin1'))
      })
    })
    // Handshakes that clients break off.
    this.server.on('tlsClientError', () => {})
  }

  static async start(options: TlsBackendOptions = {}): Promise<TlsBackend> {
    const backend = new TlsBackend(options)
    await new Promise<void>((resolve) => backend.server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get address(): string {
    return `https://127.0.0.1:${this.port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
