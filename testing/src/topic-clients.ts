import { until } from './condition.ts'
import { quantile } from './quantile.ts'

/** Closed with one of these, a client is to connect again: going away (RFC 6455, 7.4.1), service restart (IANA). */
const CONNECT_AGAIN: readonly number[] = [1001, 1012]
const AT_ONCE = 50
const RETRY_MS = 20
const SETTLE_LIMIT_MS = 60_000

/** Messages that one process published at one time. */
interface Publication {
  readonly pid: number
  readonly first: number
  readonly last: number
  /** When it was asked for, by `performance.now()`. */
  readonly askedAtMs: number
}

/** What a client got from one process. */
interface Heard {
  readonly first: number
  last: number
}

/** One connection, from the word that it is subscribed on. */
interface Life {
  readonly subscribedAtMs: number
  readonly heard: Map<number, Heard>
  isOver: boolean
}

export interface TopicReport {
  readonly published: number
  /** Messages that reached a client. */
  readonly received: number
  /** Messages a subscribed client did not get, although it was not told to connect again before them. */
  readonly lost: number
  /** Messages that came twice, or before one that was published earlier by the same process. */
  readonly disordered: number
  /** Clients that were told to connect again. */
  readonly reconnects: number
  /** Connections that ended in another way, requests that failed, and waits that took too long, as text. */
  readonly failures: readonly string[]
  /** From the call that published until the client had it. */
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface TopicClientsOptions {
  /** Of the server, such as `http://127.0.0.1:3000`. */
  readonly url: string
  readonly clients: number
}

/** WebSockets that subscribe to the topic of `app/topics.ts`, and check what they get of what they have it publish. */
export class TopicClients {
  readonly #options: TopicClientsOptions
  readonly #publications: Publication[] = []
  readonly #lives: Life[] = []
  readonly #sockets = new Set<WebSocket>()
  readonly #failures: string[] = []
  #latencies: number[] = []
  #received = 0
  #disordered = 0
  #reconnects = 0
  #subscribed = 0
  #isOver = false

  constructor(options: TopicClientsOptions) {
    this.#options = options
  }

  /** Resolves when all are subscribed. */
  async connect(): Promise<void> {
    const { clients } = this.#options
    for (let begun = 0; begun < clients; begun += AT_ONCE) {
      for (let at = begun; at < Math.min(clients, begun + AT_ONCE); at++) this.#open()
      await until('they are subscribed', () => this.#subscribed >= Math.min(clients, begun + AT_ONCE))
    }
  }

  /** Has a worker publish so many messages at once; each request is a connection of its own. */
  async publish(count = 1): Promise<void> {
    const askedAtMs = performance.now()
    try {
      const response = await fetch(`${this.#options.url}/publish?count=${count}`, { keepalive: false })
      this.#publications.push({ ...((await response.json()) as Omit<Publication, 'askedAtMs'>), askedAtMs })
    } catch (error) {
      this.#failures.push(String(error))
    }
  }

  /** Resolves when all are connected and have the last message of each process; a failure when that takes too long. */
  async settle(): Promise<void> {
    const clients = (): readonly Life[] => this.#lives.filter(({ isOver }) => !isOver)
    await until(
      'all have what was published',
      () => clients().length === this.#options.clients && clients().every((life) => this.#hasAll(life)),
      SETTLE_LIMIT_MS,
    ).catch((error: unknown) => void this.#failures.push(String(error)))
  }

  /** What came of it so far; latencies begin anew. */
  report(): TopicReport {
    const latencies = this.#latencies
    this.#latencies = []
    return {
      published: this.#publications.reduce((sum, { first, last }) => sum + last - first + 1, 0),
      received: this.#received,
      lost: this.#lives.reduce((sum, life) => sum + this.#lostBy(life), 0),
      disordered: this.#disordered,
      reconnects: this.#reconnects,
      failures: this.#failures,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    for (const socket of this.#sockets) socket.close()
  }

  #open(): void {
    const socket = new WebSocket(`${this.#options.url.replace('http', 'ws')}/ws`)
    this.#sockets.add(socket)
    let life: Life | undefined
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      if (data !== 'subscribed') return life && this.#take(life, data)
      life = { subscribedAtMs: performance.now(), heard: new Map(), isOver: false }
      this.#lives.push(life)
      this.#subscribed++
    }
    socket.onclose = ({ code }) => {
      this.#sockets.delete(socket)
      if (life !== undefined) life.isOver = true
      if (this.#isOver) return
      if (CONNECT_AGAIN.includes(code)) this.#reconnects++
      else this.#failures.push(`a WebSocket was closed with ${code}`)
      setTimeout(() => this.#isOver || this.#open(), RETRY_MS)
    }
  }

  #take({ heard }: Life, text: string): void {
    const [pid = 0, number = 0, atMs = 0] = text.split(' ').map(Number)
    this.#latencies.push(performance.timeOrigin + performance.now() - atMs)
    this.#received++
    const known = heard.get(pid)
    if (known === undefined) return void heard.set(pid, { first: number, last: number })
    if (number !== known.last + 1) this.#disordered++
    known.last = Math.max(known.last, number)
  }

  /** Numbers of the first and the last message of each process that were published while it was subscribed. */
  #due({ subscribedAtMs }: Life): Map<number, Heard> {
    const due = new Map<number, Heard>()
    for (const { pid, first, last, askedAtMs } of this.#publications) {
      if (askedAtMs < subscribedAtMs) continue
      const known = due.get(pid)
      due.set(pid, {
        first: Math.min(first, known?.first ?? first),
        last: Math.max(last, known?.last ?? last),
      })
    }
    return due
  }

  #hasAll(life: Life): boolean {
    return this.#due(life)
      .entries()
      .every(([pid, { last }]) => (life.heard.get(pid)?.last ?? -1) >= last)
  }

  /** One that was told to connect again may lack the end, but neither the beginning nor what is between. */
  #lostBy(life: Life): number {
    let lost = 0
    for (const [pid, { first, last }] of this.#due(life)) {
      const heard = life.heard.get(pid)
      if (heard === undefined) lost += life.isOver ? 0 : last - first + 1
      else lost += Math.max(0, heard.first - first) + (life.isOver ? 0 : Math.max(0, last - heard.last))
    }
    return lost
  }
}
