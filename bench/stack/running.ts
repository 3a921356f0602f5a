import { load } from '../proxy/load.ts'
import { cpuMicros, processTree, residentBytes } from '../proxy/process-usage.ts'
import type { Sample } from '../proxy/report.ts'
import type { Shape } from '../proxy/shape.ts'
import type { Contender } from './contender.ts'

/** All processes of a contender, from the moment they are started. */
export class Running implements AsyncDisposable {
  readonly name: string
  readonly base: string
  readonly #children: readonly Bun.Subprocess[]

  constructor(contender: Contender, port: number, folder: string) {
    this.name = contender.name
    this.base = `http://127.0.0.1:${port}`
    this.#children = contender
      .commands(port, folder)
      .map((command) => Bun.spawn([...command], { stdio: ['ignore', 'ignore', 'inherit'] }))
  }

  /** Puts load on it, and tells what that cost all of its processes. @param scratch a folder for the load generator */
  async sample(shape: Shape, seconds: number, scratch: string): Promise<Sample> {
    const pids = this.#children.flatMap(({ pid }) => processTree(pid))
    const before = cpuMicros(pids)
    const { requests, ...result } = await load(this.base, shape, seconds, scratch)
    return {
      ...result,
      cpuMicrosPerRequest: (cpuMicros(pids) - before) / requests,
      rssBytes: residentBytes(pids),
    }
  }

  /** Ends what was started last first: the proxy before the application. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.toReversed()) {
      child.kill('SIGTERM')
      const forced = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await child.exited
      clearTimeout(forced)
    }
  }
}
