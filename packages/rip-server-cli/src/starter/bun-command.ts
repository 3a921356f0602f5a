import { delimiter } from 'node:path'

/** Folders that npm, npx and Bun put on the PATH for the programs they start: no shell of the user has them. */
const ADDED = /(?:^|\/)node_modules\/\.bin\/?$|\/bun-node-[^/]+\/?$/

/** How this user starts Bun in a shell: without one on the PATH, npm brings it. @param path the PATH of this process */
export function bunCommand(path: string | undefined): string {
  const own = (path ?? '').split(delimiter).filter((folder) => !ADDED.test(folder))
  const found = Bun.which('bun', { PATH: own.join(delimiter) })
  return found === null ? `npx -y bun@${Bun.version}` : 'bun'
}
