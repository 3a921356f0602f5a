import { join } from 'node:path'
import { Folder, type ProgramOptions, RawConnection, Supervised } from './helpers.ts'

const MAIN = join(import.meta.dir, '../src/command-main.ts')
const PRELOAD = join(import.meta.dir, '../src/command/preload/main.cjs')

/** A command with its worker process. */
export class RunningCommand implements AsyncDisposable {
  readonly supervised: Supervised

  constructor(files: Readonly<Record<string, string>>, command: string, env: ProgramOptions['env'] = {}) {
    const folder = new Folder(files)
    this.supervised = new Supervised(folder, {
      main: MAIN,
      args: [PRELOAD, command, 'sh', '-c', command],
      cwd: folder.path,
      env,
    })
  }

  static async serving(
    files: Readonly<Record<string, string>>,
    command: string,
    env?: ProgramOptions['env'],
  ): Promise<RunningCommand> {
    const running = new RunningCommand(files, command, env)
    await running.supervised.received('ready')
    return running
  }

  async text(path = '/', headers: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await this.supervised.fetch(path, { headers })).text()
  }

  get stderr(): string {
    return this.supervised.program.stderr
  }

  async connect(): Promise<RawConnection> {
    return RawConnection.to(this.supervised.socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervised.send({ type: 'drain', deadlineMs: 0 })
    await this.supervised.program.exitCode()
    await this.supervised[Symbol.asyncDispose]()
  }
}

/** A program with a server of `node:http`. */
export const http = (listening: string, answer = `response.end('served')`): string => `
  const http = require('node:http')
  const server = http.createServer((request, response) => { ${answer} })
  ${listening}
`
