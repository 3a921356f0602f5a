import { ControlClient, findInstances, type Instance, type ManagerStatus } from '@rip/manager'
import { type Sandbox, until } from './server.ts'

/** An interactive shell in its own terminal. */
export class Shell implements AsyncDisposable {
  screen = ''
  readonly #sandbox: Sandbox
  readonly #terminal: Bun.Terminal
  readonly #child: Bun.Subprocess

  constructor(sandbox: Sandbox, ...command: string[]) {
    const decoder = new TextDecoder()
    this.#sandbox = sandbox
    this.#terminal = new Bun.Terminal({
      data: (_, bytes) => void (this.screen += decoder.decode(bytes, { stream: true })),
    })
    const program = command.length > 0 ? command : ['bash', '--norc', '-i']
    // A terminal of Bun is not the controlling terminal of the process it is given to.
    this.#child = Bun.spawn(['setsid', '--ctty', '--wait', ...program], {
      cwd: sandbox.folder,
      env: { ...sandbox.env(), TERM: 'dumb', NO_COLOR: '1' },
      terminal: this.#terminal,
    })
  }

  type(text: string): void {
    this.#terminal.write(text)
  }

  /** Types a line, and waits for what it makes the terminal show, which must not be part of the line itself. */
  async run(line: string, shows: string | RegExp): Promise<string> {
    return this.press(`${line}\n`, shows)
  }

  /** Types something, and waits for what the terminal shows because of it. */
  async press(keys: string, shows: string | RegExp): Promise<string> {
    const from = this.screen.length
    this.type(keys)
    return until(`the terminal shows ${shows}`, () => {
      const shown = this.screen.slice(from)
      return (typeof shows === 'string' ? shown.includes(shows) : shows.test(shown)) ? shown : undefined
    })
  }

  /** Closes the window. */
  close(): void {
    this.#terminal.close()
  }

  get exited(): Promise<number> {
    return this.#child.exited
  }

  /** Waits until the server that was started here serves. */
  async served(): Promise<ManagerStatus> {
    return until('it serves with all its workers', async () => {
      const snapshot = await this.snapshot().catch(() => undefined)
      return snapshot !== undefined && snapshot.readyWorkers === snapshot.wantedWorkers ? snapshot : undefined
    })
  }

  get pid(): number | undefined {
    return instanceIn(this.#sandbox)?.pid
  }

  get url(): string {
    return instanceIn(this.#sandbox)?.url ?? ''
  }

  async snapshot(): Promise<ManagerStatus | undefined> {
    const instance = instanceIn(this.#sandbox)
    return instance === undefined ? undefined : await new ControlClient(instance.control).status()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }
}

/** Other servers of the same user do not count. */
export function instanceIn(sandbox: Sandbox): Instance | undefined {
  return findInstances(sandbox.env()).find(({ runDir }) => runDir.startsWith(sandbox.runDirs))
}
