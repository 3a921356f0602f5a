import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sandbox, Server } from '../server.ts'

/** Starts one worker of an application whose entry has this code. @param args further words of the command line */
export async function serveCode(sandbox: Sandbox, code: string, ...args: string[]): Promise<Server> {
  const app = join(sandbox.folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'index.ts'), code)
  return sandbox.start(app, 'w:1', '0', '-b', '127.0.0.1', ...args)
}
