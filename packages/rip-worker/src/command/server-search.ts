import { existsSync } from 'node:fs'
import { accepts } from './accepts.ts'
import type { CommandProcesses } from './command-processes.ts'
import { loopbackListener } from './loopback-listener.ts'
import { listeningPorts } from './listening-ports.ts'
import type { ServedServer } from './preload-link.ts'

const LOOPBACKS = ['127.0.0.1', '::1']
const POLL_MS = 20
/** A server that did not ask for the given port is served when no other has asked for that so much later. */
const FIRST_SERVER_MS = 400
/** When a program that listens on another port is first warned about. */
const OTHER_PORT_MS = 2_000
/** The supervisor's own deadline comes later, so that it hears the reason. */
const BEFORE_DEADLINE_MS = 500

/** How the command's server is reached. */
export type Reached = { readonly by: 'preload' | 'socket' } | { readonly by: 'port'; readonly host: string }

export interface ServerSearchOptions {
  /** The command as the user wrote it. */
  readonly text: string
  readonly socket: string
  /** TCP port that the command was given. */
  readonly port: number
  readonly bootTimeoutMs: number
  /** When the boot began, as `performance.now()` tells the time. */
  readonly startedMs: number
  readonly processes: CommandProcesses
  /** Tells the user a sentence. */
  readonly tell: (text: string) => void
}

/** Finds out how the server of a command is reached: by what its processes say, and by trying. */
export class ServerSearch {
  readonly #options: ServerSearchOptions
  readonly #otherPorts = new Set<number>()
  #served: ServedServer | undefined
  #servedMs = 0

  constructor(options: ServerSearchOptions) {
    this.#options = options
  }

  /** The server that has taken the socket, as its process says. */
  get served(): ServedServer | undefined {
    return this.#served
  }

  /** A server has taken the socket. */
  found(server: ServedServer): void {
    this.#served = server
    this.#servedMs = performance.now()
  }

  /** A server listens on a port of its own. */
  foundElsewhere(port: number): void {
    this.#otherPorts.add(port)
  }

  /**
   * Resolves when the command can be reached; to undefined when it is over before.
   *
   * @throws Error that says where it listens instead, shortly before the boot timeout
   */
  async reach(isOver: () => boolean): Promise<Reached | undefined> {
    const { bootTimeoutMs, startedMs } = this.#options
    const deadlineMs = startedMs + Math.max(bootTimeoutMs - BEFORE_DEADLINE_MS, bootTimeoutMs / 2)
    let lookMs = startedMs + OTHER_PORT_MS
    let listensMs = Infinity
    while (!isOver()) {
      const nowMs = performance.now()
      if (this.#isSettled(nowMs)) return { by: 'preload' }
      if (this.#isUntaken()) {
        listensMs = (await this.#isListening()) ? Math.min(listensMs, nowMs) : Infinity
        // A server with our preload says so itself, a moment later.
        if (nowMs - listensMs >= FIRST_SERVER_MS && this.#isUntaken()) return { by: 'socket' }
        const host = await this.#hostOfPort()
        if (host !== undefined && this.#isUntaken()) return { by: 'port', host }
      }
      if (nowMs >= Math.min(lookMs, deadlineMs)) {
        this.#lookElsewhere()
        lookMs = nowMs + OTHER_PORT_MS
      }
      if (nowMs >= deadlineMs) throw new Error(this.#neverListened())
      await Bun.sleep(POLL_MS)
    }
    return undefined
  }

  #isUntaken(): boolean {
    return this.#served === undefined
  }

  #isSettled(nowMs: number): boolean {
    if (this.#served === undefined) return false
    return this.#served.isAssigned || nowMs - this.#servedMs >= FIRST_SERVER_MS
  }

  async #isListening(): Promise<boolean> {
    const { socket } = this.#options
    return existsSync(socket) && (await accepts({ path: socket }))
  }

  /** Address of this machine on which something listens on the given port. */
  async #hostOfPort(): Promise<string | undefined> {
    const { port } = this.#options
    // Development servers write a line about each connection.
    const told = loopbackListener(port)
    if (told !== undefined) return told === 'none' ? undefined : told
    for (const host of LOOPBACKS) if (await accepts({ port, host })) return host
    return undefined
  }

  /** The first look says what is going on, long before the deadline. */
  #lookElsewhere(): void {
    if (this.#served !== undefined) return
    const { text, port, processes, tell } = this.#options
    for (const { port: other } of listeningPorts(processes.living())) {
      if (other === port || this.#otherPorts.has(other)) continue
      this.#otherPorts.add(other)
      tell(`"${text}" listens on port ${other}; waiting for ${port}, which PORT names`)
    }
  }

  #neverListened(): string {
    const { text, port, bootTimeoutMs } = this.#options
    const others = [...this.#otherPorts].toSorted((one, other) => one - other)
    const elsewhere =
      others.length === 0
        ? 'it listens on no port; --boot-timeout gives it longer'
        : `it listens on port ${others.join(', ')} instead; write $PORT in its place in the command`
    return `"${text}" did not listen within ${bootTimeoutMs} ms on port ${port}, which PORT names: ${elsewhere}`
  }
}
