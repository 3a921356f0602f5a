import { fileURLToPath } from 'node:url'
import { until } from '@rip/testing'
import { TempFolder } from '../servers.ts'

/** The executable that users run. */
export const PROGRAM: string = fileURLToPath(new URL('../../bin/rip-balancer', import.meta.url))

/** The program as a user starts it. */
export class Program implements AsyncDisposable {
  out = ''
  err = ''
  readonly child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  private readonly read: Promise<unknown>
  /** Temporary files of the program, which it leaves when it is killed. */
  readonly temporary: TempFolder = new TempFolder()

  constructor(...args: string[]) {
    this.child = Bun.spawn([PROGRAM, ...args], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      env: { ...process.env, RIP_PARENT_FD: '0', TMPDIR: this.temporary.path },
    })
    const follow = async (
      stream: ReadableStream<Uint8Array>,
      keep: (text: string) => void,
    ): Promise<void> => {
      for await (const bytes of stream) keep(new TextDecoder().decode(bytes))
    }
    this.read = Promise.all([
      follow(this.child.stdout, (text) => (this.out += text)),
      follow(this.child.stderr, (text) => (this.err += text)),
    ])
  }

  async url(): Promise<string> {
    await until('the program says where it listens', () => this.out.includes('\n'))
    return /^listening (http:\S+)\n/.exec(this.out)?.[1] ?? ''
  }

  async exit(): Promise<number> {
    await this.read
    return this.child.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.child.exited
    this.temporary[Symbol.dispose]()
  }
}

/** Whether connecting fails; a request would wait for a backend that does not answer. */
export async function refusesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  try {
    const socket = await Bun.connect({ hostname, port: Number(port), socket: { data() {} } })
    socket.end()
    return false
  } catch {
    return true
  }
}
