import { copyFile, cp, link, mkdtemp, readFile, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient, findInstances, type ManagerStatus } from '@rip/manager'

export const PROGRAM: string = fileURLToPath(new URL('../bin/rip-server', import.meta.url))
const DEMO = fileURLToPath(new URL('../../../apps/demo', import.meta.url))
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))

/** Longest wait for a condition; reaching it fails the test. */
const PATIENCE_MS = 20_000
/** Above this the server would pass over the place of run directories, for its sockets' sake. */
const MAX_TMPDIR_CHARS = 18

/** Waits until the probe returns something else than nothing or false. */
export async function until<T>(what: string, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== null && value !== false) return value
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await Bun.sleep(10)
  }
}

/** Bun at a path other users get to, as that of root's home they do not. */
export async function placeBun(path: string): Promise<void> {
  // Another file system has no second name for it.
  await link(process.execPath, path).catch(() => copyFile(process.execPath, path))
}

/** A folder of its own for one test: an application, and the place run directories go to. */
export class Sandbox implements AsyncDisposable {
  readonly folder: string
  /** Where the program is started. */
  startFolder: string
  /** Beside what every program is given. */
  variables: Readonly<Record<string, string>> = {}
  /** Whom programs are started as, which takes root. @default whoever runs the tests */
  account: { readonly uid: number; readonly gid: number } | undefined
  /** Found in the environment of every process the test starts, however deep. */
  readonly mark: string = `rip-test-${crypto.randomUUID()}`
  readonly #servers: Server[] = []

  private constructor(folder: string) {
    this.folder = this.startFolder = folder
  }

  static async create(): Promise<Sandbox> {
    const parent = tmpdir().length <= MAX_TMPDIR_CHARS ? tmpdir() : '/tmp'
    return new Sandbox(await realpath(await mkdtemp(join(parent, 'rip-'))))
  }

  get runDirs(): string {
    return join(this.folder, 'run')
  }

  env(): Record<string, string> {
    const { PATH = '', HOME = '/' } = process.env
    return {
      PATH: `${join(process.execPath, '..')}:${PATH}`,
      HOME,
      XDG_RUNTIME_DIR: this.runDirs,
      DEMO_DB: join(this.folder, 'demo.sqlite'),
      RIP_TEST_MARK: this.mark,
      ...this.variables,
    }
  }

  /** A copy of `apps/demo` that may be edited. */
  async demo(): Promise<string> {
    const copy = join(this.folder, 'demo')
    await cp(DEMO, copy, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
    await symlink(join(DEMO, 'node_modules'), join(copy, 'node_modules'))
    return copy
  }

  /** A copy of a folder below `test/fixtures`. */
  async fixture(name: string): Promise<string> {
    const copy = join(this.folder, name)
    await cp(join(FIXTURES, name), copy, { recursive: true })
    return copy
  }

  /** Starts a server and waits until it has said its address and all workers are ready. */
  async start(...args: string[]): Promise<Server> {
    const server = this.launch(...args)
    await server.ready()
    await until('all workers are ready', async () => {
      const { readyWorkers, wantedWorkers } = await this.snapshot(server)
      return readyWorkers === wantedWorkers
    })
    return server
  }

  /** What a server says about itself on its control socket. */
  async snapshot({ pid }: Server): Promise<ManagerStatus> {
    const instance = findInstances(this.env()).find((candidate) => candidate.pid === pid)
    if (instance === undefined) throw new Error(`no instance is process ${pid}`)
    return new ControlClient(instance.control).status()
  }

  /** Starts the program and does not wait for anything. */
  launch(...args: string[]): Server {
    const server = new Server(args, this, this.startFolder)
    this.#servers.push(server)
    return server
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Finished> {
    return this.launch(...args).finished()
  }

  /** Pids of all processes that carry the mark. */
  async processes(): Promise<number[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const marked = await Promise.all(pids.map((pid) => this.#isMarked(pid)))
    return pids.filter((_, index) => marked[index]).map(Number)
  }

  /** Command lines of all processes that carry the mark. */
  async commands(): Promise<string> {
    const lines = (await this.processes()).map((pid) =>
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    )
    return (await Promise.all(lines)).join('\n').replaceAll('\0', ' ')
  }

  /** Files left below the place of run directories. */
  async leftovers(): Promise<string[]> {
    const entries = await readdir(this.runDirs, { recursive: true, withFileTypes: true }).catch(() => [])
    return entries.map((entry) => join(entry.parentPath, entry.name))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.kill('SIGTERM')
    const deadline = performance.now() + 5_000
    while (performance.now() < deadline && (await this.processes()).length > 0) await Bun.sleep(20)
    for (const pid of await this.processes()) process.kill(pid, 'SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }

  async #isMarked(pid: string): Promise<boolean> {
    // The process may have ended between the two calls, or is a zombie, whose environment is gone.
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
    return environment.includes(this.mark)
  }
}

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A `rip-server` process, in a process group of its own like a job of an interactive shell. */
export class Server {
  stdout = ''
  stderr = ''
  url = ''
  readonly pid: number
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #drained: Promise<unknown>

  constructor(args: readonly string[], sandbox: Sandbox, folder: string) {
    this.#child = Bun.spawn([PROGRAM, ...args], {
      cwd: folder,
      // As a shell does it: links in the path of the folder stay links.
      env: { ...sandbox.env(), PWD: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...sandbox.account,
    })
    this.pid = this.#child.pid
    this.#drained = Promise.all([
      read(this.#child.stdout, (text) => (this.stdout += text)),
      read(this.#child.stderr, (text) => (this.stderr += text)),
    ])
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** Waits for the address it prints when it serves. */
  async ready(): Promise<void> {
    this.url = await until(`the server is ready; it says: ${this.stderr}`, () => {
      if (this.exitCode !== null) throw new Error(`exit code ${this.exitCode}: ${this.stdout}${this.stderr}`)
      return /^ *url +(https?:\S+)/m.exec(this.stderr)?.[1]
    })
  }

  /** Waits until the talk contains a text; resolves with it and what follows. */
  async says(text: string | RegExp): Promise<string> {
    return until(`it says ${text}`, () => {
      const at = typeof text === 'string' ? this.stderr.indexOf(text) : this.stderr.search(text)
      return at === -1 ? undefined : this.stderr.slice(at)
    })
  }

  kill(signal: NodeJS.Signals): void {
    if (this.exitCode === null) this.#child.kill(signal)
  }

  /** Ctrl-C: the signal goes to the whole process group, as from a terminal. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT')
  }

  async finished(): Promise<Finished> {
    await this.#child.exited
    await this.#drained
    return { code: this.#child.exitCode ?? -1, stdout: this.stdout, stderr: this.stderr }
  }

  async json(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(new URL(path, this.url), { keepalive: false })
    return (await response.json()) as Record<string, unknown>
  }
}

async function read(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }))
}
