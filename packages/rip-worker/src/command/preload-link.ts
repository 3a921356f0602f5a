import { rmSync } from 'node:fs'

/** An HTTP server of the command that has taken the worker's socket. */
export interface ServedServer {
  readonly pid: number
  /** The port it asked for; absent when it was told the socket by a variable of its framework. */
  readonly port?: number
  readonly host?: string
  /** Whether it asked for the port that the command was given. */
  readonly isAssigned: boolean
}

/** How a process of the command is, as it says itself. */
export interface Figures {
  readonly inFlight: number
  readonly webSockets: number
  readonly eventStreams: number
  readonly requests: number
  readonly loopLagMs: number
}

export interface PreloadLinkEvents {
  readonly onServes: (server: ServedServer) => void
  /** A server listens on a port of its own. */
  readonly onLeaves: (port: number) => void
  readonly onFigures: (figures: Figures) => void
}

type Message =
  | ({ readonly type: 'serves' } & ServedServer)
  | { readonly type: 'leaves'; readonly port: number }
  | ({ readonly type: 'figures' } & Figures)

interface Peer {
  text: string
  /** Absent until it has said some, and after it said it listens elsewhere. */
  figures: Figures | undefined
}

const NONE: Figures = { inFlight: 0, webSockets: 0, eventStreams: 0, requests: 0, loopLagMs: 0 }
/** A longer line is none of ours. */
const MAX_LINE_CHARS = 65_536

/**
 * Where processes of the command report, those that run our preload: see `preload/supervision.cjs`. Each message is a
 * line of JSON.
 */
export class PreloadLink implements Disposable {
  readonly #path: string
  readonly #events: PreloadLinkEvents
  readonly #peers = new Map<Bun.Socket<Peer>, Peer>()
  readonly #listener: Bun.UnixSocketListener<Peer>
  #beatMs: number | undefined

  constructor(path: string, events: PreloadLinkEvents) {
    this.#path = path
    this.#events = events
    this.#listener = Bun.listen<Peer>({
      unix: path,
      socket: {
        open: (socket) => this.#admit(socket),
        data: (socket, bytes) => this.#read(socket, bytes.toString()),
        close: (socket) => void this.#peers.delete(socket),
        error() {},
      },
    })
  }

  /** The sum over all processes; undefined when none has said anything. */
  get figures(): Figures | undefined {
    const known = [...this.#peers.values()].flatMap(({ figures }) => (figures === undefined ? [] : [figures]))
    return known.length === 0 ? undefined : known.reduce(sum, NONE)
  }

  /** Has every process report so often. */
  beat(everyMs: number): void {
    this.#beatMs = everyMs
    this.tell({ type: 'beat', everyMs })
  }

  tell(message: object): void {
    for (const socket of this.#peers.keys()) send(socket, message)
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true)
    try {
      rmSync(this.#path, { force: true })
    } catch {
      // EACCES: the folder belongs to the balancer by now, and the supervisor removes it.
    }
  }

  #admit(socket: Bun.Socket<Peer>): void {
    socket.data = { text: '', figures: undefined }
    this.#peers.set(socket, socket.data)
    if (this.#beatMs !== undefined) send(socket, { type: 'beat', everyMs: this.#beatMs })
  }

  #read(socket: Bun.Socket<Peer>, text: string): void {
    const peer = socket.data
    const lines = (peer.text + text).split('\n')
    peer.text = lines.pop() ?? ''
    if (peer.text.length > MAX_LINE_CHARS) return void socket.end()
    for (const line of lines) this.#take(peer, messageIn(line))
  }

  #take(peer: Peer, message: Message | undefined): void {
    if (message === undefined) return
    if (message.type === 'serves') return this.#events.onServes(message)
    if (message.type === 'leaves') return this.#events.onLeaves(message.port)
    peer.figures = message
    this.#events.onFigures(message)
  }
}

/**
 * The message of a line, each field by its type. `undefined` for a line that is no message of the protocol, as any process
 * of the command can write to the socket.
 */
function messageIn(line: string): Message | undefined {
  const fields = parsed(line)
  switch (fields['type']) {
    case 'serves':
      return serves(fields)
    case 'leaves':
      return isCount(fields['port']) ? { type: 'leaves', port: fields['port'] } : undefined
    case 'figures':
      return figures(fields)
    default:
      return undefined
  }
}

type Fields = Readonly<Record<string, unknown>>

function serves({ pid, port, host, isAssigned }: Fields): Message | undefined {
  if (!isCount(pid) || typeof isAssigned !== 'boolean') return undefined
  if (port !== undefined && !isCount(port)) return undefined
  if (host !== undefined && typeof host !== 'string') return undefined
  return {
    type: 'serves',
    pid,
    isAssigned,
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
  }
}

function figures({ inFlight, webSockets, eventStreams, requests, loopLagMs }: Fields): Message | undefined {
  if (!isCount(inFlight) || !isCount(webSockets) || !isCount(eventStreams)) return undefined
  if (!isCount(requests) || !isCount(loopLagMs)) return undefined
  return { type: 'figures', inFlight, webSockets, eventStreams, requests, loopLagMs }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function send(socket: Bun.Socket<Peer>, message: object): void {
  socket.write(`${JSON.stringify(message)}\n`)
}

function sum(one: Figures, other: Figures): Figures {
  return {
    inFlight: one.inFlight + other.inFlight,
    webSockets: one.webSockets + other.webSockets,
    eventStreams: one.eventStreams + other.eventStreams,
    requests: one.requests + other.requests,
    loopLagMs: Math.max(one.loopLagMs, other.loopLagMs),
  }
}
