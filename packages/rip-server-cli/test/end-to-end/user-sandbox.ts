import { chmodSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { placeBun, Sandbox } from '../server.ts'

/** A user number without an entry. */
export const UID = 54_321
export const GID = 54_322
export const BALANCER = 54_323
export const USER: string = `${UID}:${GID}`
export const isRoot: boolean = process.getuid?.() === 0

export const APP = `import { greeting } from 'greeting'
export default (request) => Response.json({
  greeting, uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(),
  pid: process.pid, worker: process.env.RIP_WORKER_ID, home: process.env.HOME,
})
`

/** A folder that other users may enter, with a Bun they can run: the one in root's home is closed to them. */
export async function openSandbox(): Promise<Sandbox> {
  const sandbox = await Sandbox.create()
  chmodSync(sandbox.folder, 0o755)
  await mkdir(join(sandbox.folder, 'bin'))
  await placeBun(join(sandbox.folder, 'bin/bun'))
  sandbox.variables = { PATH: `${join(sandbox.folder, 'bin')}:${process.env['PATH']}` }
  return sandbox
}

/** Writes an application that answers who it runs as. @returns its folder */
export async function writeApp(sandbox: Sandbox): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  const greeting = join(folder, 'node_modules/greeting')
  await mkdir(greeting, { recursive: true })
  await writeFile(join(greeting, 'package.json'), '{"name":"greeting","type":"module","main":"index.js"}')
  await writeFile(join(greeting, 'index.js'), `export const greeting = 'hello'\n`)
  await writeFile(join(folder, 'index.js'), APP)
  return folder
}

/** What the application answers about its user. */
export const ids: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } = {
  uid: UID,
  gid: GID,
  groups: [],
}
