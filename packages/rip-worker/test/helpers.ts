import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToRealNode, until } from '@rip/testing'
import {
  encodeFrame,
  FrameDecoder,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type WorkerMessage,
} from '../src/protocol.ts'
import { createWorker, type Worker, type WorkerOptions } from '../src/index.ts'

const MAIN = join(import.meta.dir, '..', 'src', 'main.ts')

/** A folder for one test, removed at its end. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'rip-w-'))

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [name, content] of Object.entries(files)) this.write(name, content)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  write(name: string, content: string): string {
    const file = this.file(name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    return file
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A worker in this process, on a socket in its own folder. */
export class LocalWorker implements AsyncDisposable {
  readonly folder: Folder = new Folder()
  readonly socket: string = this.folder.file('w.sock')
  readonly log: string[] = []
  readonly worker: Worker

  private constructor(create: (local: LocalWorker) => Worker) {
    this.worker = create(this)
  }

  static async serve(options: Omit<WorkerOptions, 'listen' | 'log'>): Promise<LocalWorker> {
    const local = new LocalWorker(({ socket, log }) =>
      createWorker({ ...options, listen: socket, log: (text) => log.push(text) }),
    )
    await local.worker.start()
    return local
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetchUnix(this.socket, path, init)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.close({ timeoutMs: 0 })
    this.folder[Symbol.dispose]()
  }
}

export function fetchUnix(socket: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://app.test${path}`, { ...init, unix: socket, redirect: 'manual' } as RequestInit)
}

/** A connection on which raw bytes are written and read. */
export class RawConnection implements Disposable {
  #socket: Bun.Socket<undefined> | undefined
  received = ''
  closed = false

  static async to(path: string): Promise<RawConnection> {
    const connection = new RawConnection()
    const decoder = new TextDecoder('latin1')
    connection.#socket = await Bun.connect<undefined>({
      unix: path,
      socket: {
        data: (_, bytes) => void (connection.received += decoder.decode(bytes)),
        close: () => void (connection.closed = true),
        end: () => void (connection.closed = true),
        error() {},
      },
    })
    return connection
  }

  get(path: string, fields: readonly string[] = []): void {
    this.write([`GET ${path} HTTP/1.1`, 'Host: app.test', ...fields, '', ''].join('\r\n'))
  }

  write(text: string): void {
    this.#socket?.write(text)
  }

  /** Stops reading, so that the peer's writes fill the buffers between the two. */
  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate()
  }
}

export interface ProgramOptions {
  /** @default the program that loads an application */
  readonly main?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: 'pipe' | 'ignore'
  /** Whether it has a process group of its own, as under the manager. @default false */
  readonly detached?: boolean
}

/** The worker program in a process of its own. */
export class Program implements AsyncDisposable {
  readonly process: Bun.Subprocess<'pipe' | 'ignore', 'pipe', 'pipe'>
  stdout = ''
  stderr = ''

  constructor(options: ProgramOptions) {
    this.process = Bun.spawn([process.execPath, options.main ?? MAIN, ...(options.args ?? [])], {
      cwd: options.cwd ?? tmpdir(),
      env: { PATH: pathToRealNode(), RIP_CACHE: 'off', ...options.env },
      stdin: options.stdin ?? 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      detached: options.detached ?? false,
    })
    void this.#collect(this.process.stdout, (text) => (this.stdout += text))
    void this.#collect(this.process.stderr, (text) => (this.stderr += text))
  }

  /** The address in the line that it prints when it serves without a supervisor. */
  async address(): Promise<string> {
    await until('the program listens', () => this.stdout.includes('\n') || this.process.exitCode !== null)
    const address = /^listening (\S+)\n/.exec(this.stdout)?.[1]
    if (address === undefined) throw new Error(`it did not listen: ${this.stdout}${this.stderr}`)
    return address
  }

  async exitCode(): Promise<number> {
    const code = await this.process.exited
    await until('its output is complete', () => this.#open === 0)
    return code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL')
    await this.process.exited
  }

  #open = 2

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }))
    this.#open--
  }
}

/** The supervisor's side of the control socket, and the worker it started. */
export class Supervised implements AsyncDisposable {
  readonly folder: Folder
  readonly socket: string
  readonly messages: WorkerMessage[] = []
  readonly program: Program
  readonly #listener: Bun.UnixSocketListener<undefined>
  #connection: Bun.Socket<undefined> | undefined
  /** The worker has closed its end, and all its messages have been read. */
  #ended = false

  constructor(
    folder: Folder,
    options: ProgramOptions & {
      readonly beaconMs?: number
      readonly version?: number
      readonly standby?: boolean
      /** Whether it welcomes the worker by itself when that connects. @default true */
      readonly welcomes?: boolean
    } = {},
  ) {
    this.folder = folder
    this.socket = folder.file('w1.sock')
    const control = folder.file('control.sock')
    const { version = PROTOCOL_VERSION, beaconMs = 20, standby = false, welcomes = true } = options
    const decoder = new FrameDecoder()
    this.#listener = Bun.listen<undefined>({
      unix: control,
      socket: {
        open: (connection) => {
          this.#connection = connection
          if (welcomes) this.send({ type: 'welcome', version, beaconMs, ...(standby && { standby }) })
        },
        close: () => void (this.#ended = true),
        data: (_, bytes) => void this.messages.push(...(decoder.push(bytes) as WorkerMessage[])),
        error() {},
      },
    })
    this.program = new Program({
      args: [folder.path],
      ...options,
      env: {
        RIP_SOCKET: this.socket,
        RIP_CONTROL: control,
        RIP_WORKER_ID: '3',
        RIP_GENERATION: 'g1',
        ...options.env,
      },
    })
  }

  send(message: SupervisorMessage): void {
    this.#connection?.write(encodeFrame(message))
  }

  hangUp(): void {
    this.#connection?.end()
  }

  message<Type extends WorkerMessage['type']>(
    type: Type,
  ): Extract<WorkerMessage, { type: Type }> | undefined {
    return this.messages.findLast(
      (message): message is Extract<WorkerMessage, { type: Type }> => message.type === type,
    )
  }

  async received<Type extends WorkerMessage['type']>(
    type: Type,
  ): Promise<Extract<WorkerMessage, { type: Type }>> {
    const isDone = (): boolean => this.message(type) !== undefined || this.#ended
    await until(`the worker says "${type}"`, isDone)
    const message = this.message(type)
    if (message === undefined) throw new Error(`it exited without "${type}": ${this.program.stderr}`)
    return message
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetchUnix(this.socket, path, init)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
    this.#listener.stop(true)
    this.folder[Symbol.dispose]()
  }
}

/** A promise that the test resolves. */
export function barrier(): { readonly passed: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { passed: promise, open: resolve }
}

export function streamOf(
  chunks: AsyncIterable<string> | Iterable<string>,
  cancelled: () => void = () => {},
): ReadableStream {
  const encoder = new TextEncoder()
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) return controller.close()
      controller.enqueue(encoder.encode(value))
    },
    cancel: cancelled,
  })
}

/** Answers slowly, and reports when it has begun, so that a test can act in the middle of it. */
export const SLOW: string = `
  export default async (request) => {
    console.log('begun')
    await Bun.sleep(Number(new URL(request.url).searchParams.get('ms') ?? 300))
    return new Response('finished')
  }
`
