import { mkdirSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@rip/testing'
import type { Pattern } from './pattern.ts'
import type { Rival } from './rival.ts'

const BACKEND = fileURLToPath(new URL('pattern-backend.ts', import.meta.url))

/** One backend process, which is told how to behave on its standard input. */
class PatternBackend {
  readonly child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>
  private readonly answers: AsyncIterator<Uint8Array>
  /** The previous order: orders are carried out one at a time. */
  private last: Promise<number>

  constructor(port: number, name: string) {
    this.child = Bun.spawn(['bun', BACKEND, String(port), name], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.answers = this.child.stdout[Symbol.asyncIterator]()
    this.last = this.answered()
  }

  /** Resolves when the last order, or the start, is carried out. */
  async done(): Promise<void> {
    await this.last
  }

  /** @param what a behaviour, or `count` @returns how many requests it got while it failed */
  order(what: string): Promise<number> {
    this.last = this.last.then(async () => {
      await this.child.stdin.write(`${what}\n`)
      await this.child.stdin.flush()
      return await this.answered()
    })
    return this.last
  }

  private async answered(): Promise<number> {
    const { value } = await this.answers.next()
    return Number(Buffer.from(value ?? []).toString())
  }
}

/** A balancer in front of backends that fail on command. */
export class PatternStage implements AsyncDisposable {
  private readonly failing: readonly PatternBackend[]
  private readonly children: Bun.Subprocess[]

  private constructor(failing: readonly PatternBackend[], children: Bun.Subprocess[]) {
    this.failing = failing
    this.children = children
    // An interrupted run leaves no processes behind.
    process.once('exit', () => this.kill())
  }

  /** Starts backends `b0`, `b1` … on the ports after the balancer's; resolves when the balancer answers. */
  static async start(rival: Rival, pattern: Pattern, folder: string, port: number): Promise<PatternStage> {
    mkdirSync(folder, { recursive: true })
    const ports = Array.from({ length: pattern.backends }, (_, at) => port + 1 + at)
    const backends = ports.map((each, at) => new PatternBackend(each, `b${at}`))
    await Promise.all(backends.map((backend) => backend.done()))
    const balancer = Bun.spawn([...rival.command({ folder, port, backends: ports })], {
      stdio: ['ignore', Bun.file(join(folder, 'stdout')), Bun.file(join(folder, 'stderr'))],
      env: { ...process.env, HOME: folder },
    })
    const children = [balancer, ...backends.map(({ child }) => child)]
    const stage = new PatternStage(backends.slice(0, pattern.failing), children)
    await until(`${rival.name} accepts`, () => accepts(port))
    return stage
  }

  /** Sets the behaviour of the failing backends. */
  async behave(behaviour: string): Promise<void> {
    await Promise.all(this.failing.map((backend) => backend.order(behaviour)))
  }

  /** How many requests the failing backends got while they failed. */
  async countWhileBad(): Promise<number> {
    const counts = await Promise.all(this.failing.map((backend) => backend.order('count')))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  private kill(): void {
    for (const child of this.children) child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    await Promise.all(this.children.map(({ exited }) => exited))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port })
    socket.on('connect', () => (socket.destroy(), resolve(true)))
    socket.on('error', () => resolve(false))
  })
}
