import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, until } from '@rip/testing'
import { makeCertificate } from './certificate.ts'
import type { Contender, Setup } from './contender.ts'

/** A running proxy. */
export interface Running {
  readonly contender: Contender
  readonly pid: number
  readonly base: string
  readonly tlsBase: string
}

/** Workers and the proxies in front of them, one set at a time, in a temporary folder. Disposing ends all of them. */
export class Fleet implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'rip-bench-'))
  private readonly certificate = makeCertificate(this.folder)
  private readonly children: Bun.Subprocess[] = []
  private sets = 0

  /** Starts workers, and each contender in front of all of them. Resolves when all answer. */
  async start(contenders: readonly Contender[], backends: number, log: boolean): Promise<Running[]> {
    const folder = join(this.folder, String(++this.sets))
    mkdirSync(folder)
    const sharedPort = freePort()
    const origins = await this.startOrigins(folder, backends, sharedPort)
    const running: Running[] = []
    for (const contender of contenders)
      running.push(
        await this.startContender(contender, join(folder, contender.name), { origins, sharedPort }, log),
      )
    return running
  }

  /** Ends all that were started. */
  async stop(): Promise<void> {
    for (const child of this.children.splice(0)) {
      child.kill('SIGTERM')
      const forced = setTimeout(() => child.kill('SIGKILL'), 3000)
      await child.exited
      clearTimeout(forced)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async startOrigins(folder: string, count: number, sharedPort: number): Promise<string[]> {
    const origins = Array.from({ length: count }, (_, at) => join(folder, `o${at}.sock`))
    const program = fileURLToPath(new URL('origin.ts', import.meta.url))
    for (const path of origins) this.spawn(['bun', program, path, String(sharedPort)])
    await Promise.all(origins.map((path) => answering('http://localhost/small', path)))
    return origins
  }

  private async startContender(
    contender: Contender,
    folder: string,
    backends: Pick<Setup, 'origins' | 'sharedPort'>,
    log: boolean,
  ): Promise<Running> {
    mkdirSync(folder)
    const [port, tlsPort] = [freePort(), freePort()]
    const accessLog = log ? join(folder, 'access.log') : undefined
    const setup = { ...this.certificate, port, tlsPort, ...backends, folder, accessLog }
    const { pid } = this.spawn(contender.command(setup))
    await answering(`http://127.0.0.1:${port}/small`)
    return { contender, pid, base: `http://127.0.0.1:${port}`, tlsBase: `https://127.0.0.1:${tlsPort}` }
  }

  private spawn(command: readonly string[]): Bun.Subprocess {
    const child = Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'inherit'] })
    this.children.push(child)
    return child
  }
}

/** Resolves when the address answers. @throws when it does not */
async function answering(url: string, unix?: string): Promise<void> {
  const asks = (): Promise<Response | undefined> =>
    fetch(url, { ...(unix && { unix }) }).catch(() => undefined)
  await until(`${unix ?? url} answers`, async () => (await asks())?.ok)
}
