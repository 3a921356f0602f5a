import { rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@rip/testing'

const PROGRAM = fileURLToPath(new URL('bin/rip-server', import.meta.resolve('rip-server/package.json')))
/** Longest wait; if it is exceeded, the run ends. */
export const PATIENCE_MS = 30_000

/** A server for a small application that loads saved files. */
export interface Contender {
  readonly name: string
  /** The file of the application. */
  readonly file: string
  /** Text of the file for a version. */
  readonly source: (version: string) => string
  /** Command line for a port. */
  readonly command: (port: number) => readonly string[]
}

const handler = (version: string): string => `export default () => new Response('${version}')\n`
const serving = (version: string): string =>
  `Bun.serve({ port: Number(process.env.PORT), fetch: () => new Response('${version}') })\n`

export const RIP_TYPESCRIPT: Contender = {
  name: 'rip-server, .ts',
  file: 'index.ts',
  source: handler,
  command: (port) => [process.execPath, PROGRAM, 'dev', '.', String(port)],
}

export const RIP_LANGUAGE: Contender = {
  name: 'rip-server, .rip',
  file: 'index.rip',
  source: (version) => `export default -> new Response '${version}'\n`,
  command: RIP_TYPESCRIPT.command,
}

/** The server of another checkout of this repository, for the same applications. */
export function besides(checkout: string): readonly Contender[] {
  const program = join(checkout, 'packages/rip-server-cli/bin/rip-server')
  return [RIP_TYPESCRIPT, RIP_LANGUAGE].map((each) => ({
    ...each,
    name: `${basename(checkout)}, ${extname(each.file)}`,
    command: (port) => [process.execPath, program, 'dev', '.', String(port)],
  }))
}

/** The production command, for measurements without saving. */
export const RIP_PRODUCTION: Contender = {
  ...RIP_TYPESCRIPT,
  name: 'rip-server start',
  command: (port) => [process.execPath, PROGRAM, 'start', '.', 'w:4', String(port)],
}

export const BUN_HOT: Contender = {
  name: 'bun --hot',
  file: 'index.ts',
  source: serving,
  command: () => [process.execPath, '--hot', 'index.ts'],
}

export const BUN_WATCH: Contender = {
  ...BUN_HOT,
  name: 'bun --watch',
  command: () => [process.execPath, '--watch', 'index.ts'],
}

/** A contender that runs in its own folder. */
export class Running implements AsyncDisposable {
  readonly contender: Contender
  readonly port: number
  readonly folder: string
  /** Requests without an answer since the first version served. */
  refused = 0
  /** Answers since then that do not come from the application, such as a 502 of the balancer. */
  failed = 0
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  #version = 0

  /** @param folder of the application; the caller removes it */
  constructor(contender: Contender, folder: string) {
    this.contender = contender
    this.folder = folder
    this.port = freePort()
    this.#write()
    const { PATH = '', HOME = '/' } = process.env
    this.#child = Bun.spawn([...contender.command(this.port)], {
      cwd: this.folder,
      env: {
        PATH: `${dirname(process.execPath)}:${PATH}`,
        HOME,
        PORT: String(this.port),
        XDG_RUNTIME_DIR: join(this.folder, '..', `run-${this.port}`),
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  /** Resolves when the first version serves. */
  async ready(): Promise<void> {
    await this.#serves(this.#text)
  }

  /** Saves the next version; resolves with the time from the write to its first answer. */
  async save(): Promise<number> {
    this.#version++
    const startedAt = performance.now()
    this.#write()
    await this.#serves(this.#text)
    return performance.now() - startedAt
  }

  /** Waits until the text appears in the output. */
  async says(text: string): Promise<void> {
    let said = ''
    for await (const chunk of this.#child.stderr) {
      said += Buffer.from(chunk).toString()
      if (said.includes(text)) return
    }
    throw new Error(`${this.contender.name} never said ${text}: ${said}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#child.exited
    rmSync(join(this.folder, '..', `run-${this.port}`), { recursive: true, force: true })
  }

  get #text(): string {
    return `v${this.#version}`
  }

  #write(): void {
    writeFileSync(join(this.folder, this.contender.file), this.contender.source(this.#text))
  }

  /** Sends requests without a pause, each on a fresh connection, as a waiting browser would. */
  async #serves(text: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (performance.now() < deadline) {
      if ((await this.#answer()) === text) return
      await Bun.sleep(1)
    }
    throw new Error(`${this.contender.name} does not serve ${text}`)
  }

  /** The application's answer; counts other outcomes, except before the first version served. */
  async #answer(): Promise<string | undefined> {
    const url = `http://127.0.0.1:${this.port}/`
    const response = await fetch(url, { keepalive: false }).catch(() => undefined)
    const text = response?.ok === true ? await response.text().catch(() => undefined) : undefined
    if (text !== undefined || this.#version === 0) return text
    if (response === undefined) this.refused++
    else this.failed++
    return undefined
  }
}
