/** A request in the strictest reading. */
export interface Recorded {
  readonly bytes: Buffer
  readonly method: string
  readonly target: string
  readonly host: string
}

/**
 * The backend behind the balancer: parses strictly by RFC 9112 and answers each complete request. Bytes that it cannot
 * parse are an anomaly, because the balancer must never send them.
 */
export class Recorder implements AsyncDisposable {
  readonly requests: Recorded[] = []
  readonly anomalies: string[] = []
  private readonly server: { stop(force: boolean): void }

  constructor(socket: string) {
    this.server = Bun.listen<{ pending: Buffer }>({
      unix: socket,
      socket: {
        open: (client) => void (client.data = { pending: Buffer.alloc(0) }),
        data: (client, bytes) => {
          client.data.pending = Buffer.concat([client.data.pending, bytes])
          for (let end = this.take(client.data.pending); end > 0; end = this.take(client.data.pending)) {
            client.data.pending = client.data.pending.subarray(end)
            client.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          }
        },
      },
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.stop(true)
  }

  /** Removes one request from the front. @returns its length, 0 while it is incomplete */
  private take(bytes: Buffer): number {
    const headEnd = bytes.indexOf('\r\n\r\n')
    if (headEnd === -1) return 0
    const head = bytes.toString('latin1', 0, headEnd)
    const [line = '', ...fields] = head.split('\r\n')
    const [, method = '', target = ''] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.1$/.exec(line) ?? []
    const parsed = fields.map((field) =>
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(field),
    )
    const values = (name: string): string[] =>
      parsed.flatMap((field) => (field?.[1]?.toLowerCase() === name ? [field[2]?.trim() ?? ''] : []))
    if (method === '' || parsed.includes(null)) return this.anomaly('a head that is not HTTP', bytes)
    const [lengths, codings, hosts] = [values('content-length'), values('transfer-encoding'), values('host')]
    if (hosts.length !== 1) return this.anomaly(`${hosts.length} Host fields`, bytes)
    if (lengths.length + codings.length > 1) return this.anomaly('more than one framing', bytes)
    if (codings.length === 1 && codings[0] !== 'chunked')
      return this.anomaly('a coding other than chunked', bytes)
    if (lengths.length === 1 && !/^\d+$/.test(lengths[0]!))
      return this.anomaly('a length that is no number', bytes)
    const bodyStart = headEnd + 4
    const end = codings.length === 1 ? this.chunkedEnd(bytes, bodyStart) : bodyStart + Number(lengths[0] ?? 0)
    if (end === 0 || end > bytes.length) return 0
    this.requests.push({ bytes: Buffer.from(bytes.subarray(0, end)), method, target, host: hosts[0]! })
    return end
  }

  private chunkedEnd(bytes: Buffer, from: number): number {
    for (let at = from; ;) {
      const lineEnd = bytes.indexOf('\r\n', at)
      if (lineEnd === -1) return 0
      const size = bytes.toString('latin1', at, lineEnd)
      if (!/^[0-9A-Fa-f]+$/.test(size)) return this.anomaly(`a chunk size ${JSON.stringify(size)}`, bytes)
      const dataEnd = lineEnd + 2 + Number.parseInt(size, 16)
      if (bytes.length < dataEnd + 2) return 0
      if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n')
        return this.anomaly('a chunk without its end', bytes)
      if (/^0+$/.test(size)) return dataEnd + 2
      at = dataEnd + 2
    }
  }

  private anomaly(what: string, bytes: Buffer): 0 {
    this.anomalies.push(`${what}: ${JSON.stringify(bytes.toString('latin1'))}`)
    return 0
  }
}
