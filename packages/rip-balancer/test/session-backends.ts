/**
 * Servers with sessions like those of the Model Context Protocol: the answer to the first request names the session in
 * `mcp-session-id`, later requests have that field, and a server does not know the sessions of the others.
 */
export class SessionBackends implements AsyncDisposable {
  /** Requests for sessions of other servers. */
  strangers = 0
  private readonly servers: readonly Bun.Server<undefined>[]

  constructor(count: number) {
    this.servers = Array.from({ length: count }, () => this.serve())
  }

  get to(): string[] {
    return this.servers.map(({ port }) => `127.0.0.1:${port}`)
  }

  /** Begins a session, on a connection of its own. Returns its id. */
  async begin(url: string): Promise<string> {
    const answer = await fetch(url, { method: 'POST', body: 'initialize', headers: { connection: 'close' } })
    await answer.text()
    return answer.headers.get('Mcp-Session-Id')!
  }

  /** Returns the status. */
  async goOn(url: string, session: string): Promise<number> {
    const headers = { 'Mcp-Session-Id': session, connection: 'close' }
    const answer = await fetch(url, { method: 'POST', body: 'call', headers })
    await answer.text()
    return answer.status
  }

  async stop(at: number): Promise<void> {
    await this.servers[at]!.stop(true)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop(true)))
  }

  private serve(): Bun.Server<undefined> {
    const sessions = new Set<string>()
    return Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ headers }) => {
        const session = headers.get('mcp-session-id')
        if (session !== null && sessions.has(session)) return new Response('done')
        if (session !== null) this.strangers += 1
        if (session !== null) return new Response('no such session', { status: 404 })
        const begun = crypto.randomUUID()
        sessions.add(begun)
        return new Response('begun', { headers: { 'mcp-session-id': begun } })
      },
    })
  }
}
