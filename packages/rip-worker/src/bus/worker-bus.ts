import { listenReason } from '../errors.ts'
import { setInterval } from '../own-timers.ts'
import { frameOf } from './frame-reader.ts'
import { IncomingLinks } from './incoming-links.ts'
import { encodeMessage, MAX_MESSAGE_BYTES, type Message } from './message.ts'
import { OutgoingLink } from './outgoing-link.ts'
import type { PeerPid } from './peer-check.ts'

/** How often the worker makes sure that its own entry is there, and dials again those that did not take its connection. */
const CHECK_MS = 5_000
/** How long a worker that starts waits for the others to greet it; one that is stopped does not hold it up. */
const MEET_TIMEOUT_MS = 250
/** How long the last messages of a worker that leaves may take. */
const CLOSE_TIMEOUT_MS = 500
const POLL_MS = 1

export interface WorkerBusOptions {
  /** Folder in which the workers of one instance meet, and which no other process can enter. */
  readonly folder: string
  /** Secret of the instance. */
  readonly key: string
  /** Called for each message of another worker. */
  readonly onMessage: (message: Message) => void
  /** Logs a sentence. */
  readonly log: (text: string) => void
  /** Asks the system which process is at the other end of a connection. @default the system is not asked */
  readonly peerPid?: PeerPid | undefined
  /** @default process.pid */
  readonly pid?: number
  /** Whether its sockets and timers keep the process alive. @default true */
  readonly keepsAlive?: boolean
}

/**
 * Carries messages between the workers of an instance, without the manager: each sends what it publishes to each of the
 * others on a connection of its own. Messages of one worker arrive in order, each at most once. A worker that reads too
 * slowly, or is stopped, loses messages, and holds up no other.
 *
 * The folder has two entries for each worker, named after its process: the socket it listens on, and an empty file,
 * which is made after the socket and found by listing the folder. A worker that starts dials all workers it finds there,
 * and they dial it in turn.
 */
export class WorkerBus {
  readonly #options: WorkerBusOptions
  readonly #pid: number
  readonly #incoming: IncomingLinks
  readonly #outgoing = new Map<number, OutgoingLink>()
  #checking: ReturnType<typeof setInterval> | undefined
  /** Whether a connection could not be made, or was ended before it was of use. */
  #hasMissed = false
  #lookUnderWay: Promise<void> | undefined
  #droppedBefore = 0
  #willFlush = false
  readonly #told = new Set<string>()
  #state: 'new' | 'open' | 'closed' = 'new'

  constructor(options: WorkerBusOptions) {
    const { folder, key, pid = process.pid, peerPid, onMessage, keepsAlive = true } = options
    this.#options = options
    this.#pid = pid
    this.#incoming = new IncomingLinks({
      path: socketIn(folder, pid),
      ownPid: pid,
      key,
      peerPid,
      keepsAlive,
      onMessage,
      onWorker: (other) => this.#meet(other),
    })
  }

  /** Messages that another worker did not get, counted for each of them. */
  get dropped(): number {
    let dropped = this.#droppedBefore
    for (const link of this.#outgoing.values()) dropped += link.dropped
    return dropped
  }

  /** Resolves when the workers that are there are dialled: what is sent from then on waits for them. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'open'
    this.#checking = setInterval(() => void this.#check(), CHECK_MS)
    if (this.#options.keepsAlive === false) this.#checking.unref()
    await this.#look()
  }

  /** Resolves when the workers that are there can be heard and sent to, except those that do not answer in time. */
  async meet(): Promise<void> {
    await this.#look()
    const isMet = (): boolean =>
      [...this.#outgoing].every(([pid, link]) => link.isOpen && this.#incoming.has(pid))
    await this.#until(isMet, MEET_TIMEOUT_MS)
  }

  /** Sends a message to all other workers; returns whether there are any to take it. */
  send(message: Message): boolean {
    if (this.#outgoing.size === 0) return false
    const bytes = encodeMessage(message)
    if (bytes.byteLength > MAX_MESSAGE_BYTES) return this.#refuse(bytes.byteLength)
    const frame = frameOf(bytes)
    let taken = false
    for (const link of this.#outgoing.values()) taken = link.offer(frame) || taken
    this.#flushSoon()
    return taken
  }

  /** Lets the last messages go, and leaves. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const isOpen = this.#state === 'open'
    this.#state = 'closed'
    clearInterval(this.#checking)
    if (!isOpen) return
    await Bun.file(this.#ownEntry)
      .delete()
      .catch(() => {})
    await this.#until(() => [...this.#outgoing.values()].every(({ isDone }) => isDone), CLOSE_TIMEOUT_MS)
    for (const link of this.#outgoing.values()) link.close()
    this.#incoming.close()
  }

  get #ownEntry(): string {
    return `${this.#options.folder}/${this.#pid}`
  }

  /** Messages that are published in one turn go together. */
  #flushSoon(): void {
    if (this.#willFlush) return
    this.#willFlush = true
    queueMicrotask(() => {
      this.#willFlush = false
      for (const link of this.#outgoing.values()) link.flush()
    })
  }

  #refuse(bytes: number): false {
    this.#droppedBefore += this.#outgoing.size
    this.#tellOnce(
      'too long',
      `published messages of more than ${MAX_MESSAGE_BYTES} bytes, such as one of ${bytes}, reach no subscribers of other workers`,
    )
    return false
  }

  /** Does not list the folder each time: an idle worker touches as little memory as possible. */
  async #check(): Promise<void> {
    if (this.#hasMissed || !(await Bun.file(this.#ownEntry).exists())) await this.#look()
  }

  #look(): Promise<void> {
    return (this.#lookUnderWay ??= this.#lookOnce().finally(() => (this.#lookUnderWay = undefined)))
  }

  /** Enters first and lists then, so that of two workers that start at the same time at least one finds the other. */
  async #lookOnce(): Promise<void> {
    this.#hasMissed = false
    try {
      if (!this.#listed().includes(this.#pid)) await this.#enter()
      for (const pid of this.#listed()) if (pid !== this.#pid) this.#meet(pid)
    } catch (error) {
      // ENOENT: the folder was removed, and the manager makes it again.
      if (codeOf(error) !== 'ENOENT')
        this.#tellOnce('unreachable', `cannot reach other workers: ${listenReason(error)}`)
    }
  }

  async #enter(): Promise<void> {
    await this.#incoming.listen()
    if (this.#state === 'closed') return this.#incoming.close()
    await Bun.write(this.#ownEntry, '')
  }

  #listed(): readonly number[] {
    const { folder } = this.#options
    return [...new Bun.Glob('*').scanSync(folder)].filter((name) => PID.test(name)).map(Number)
  }

  #meet(pid: number): void {
    if (this.#state !== 'open' || this.#outgoing.has(pid)) return
    const { folder, key, peerPid, log, keepsAlive = true } = this.#options
    const link = new OutgoingLink({
      path: socketIn(folder, pid),
      pid,
      ownPid: this.#pid,
      key,
      peerPid,
      keepsAlive,
      onFull: () =>
        log(`worker process ${pid} does not read what is published: messages to it are dropped from now on`),
      onCaughtUp: (dropped) =>
        log(`worker process ${pid} reads again: ${dropped} messages to it were dropped`),
      onAbandoned: (dropped) =>
        log(`worker process ${pid} has ended: ${dropped} messages to it were dropped`),
      onClosed: (wasOpen) => this.#part(pid, link, wasOpen),
    })
    this.#outgoing.set(pid, link)
    void link.dial()
  }

  #part(pid: number, link: OutgoingLink, wasOpen: boolean): void {
    if (this.#outgoing.get(pid) !== link) return
    this.#outgoing.delete(pid)
    this.#droppedBefore += link.dropped
    if (this.#state !== 'open') return
    // It may have ended the connection alone, and is there.
    if (wasOpen) void this.#look()
    else this.#hasMissed = true
  }

  async #until(isDone: () => boolean, timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (!isDone() && performance.now() < deadlineMs) await Bun.sleep(POLL_MS)
  }

  #tellOnce(what: 'unreachable' | 'too long', text: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    this.#options.log(text)
  }
}

const PID = /^[1-9]\d*$/

function socketIn(folder: string, pid: number): string {
  return `${folder}/${pid}.sock`
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code
}
