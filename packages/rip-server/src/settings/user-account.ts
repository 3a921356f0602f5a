import { readFileSync } from 'node:fs'
import { Unacceptable } from './quantity.ts'

/** A user of this machine, and the group that processes get. */
export interface UserAccount {
  /** Its name on this machine, or its number where it has no name. */
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

const EXPECTED = 'NAME or NAME:GROUP, each a name this machine has or a number'
/** Largest number of a user; the next one means "leave unchanged" in chown(2). */
const MAX_ID = 4_294_967_294

/** Why a process cannot start as a user who may not enter the folder of Bun, for example in root's home. */
export function bunOutOfReach(): string {
  return `cannot run ${process.execPath}; install Bun where every user can run it, such as /usr/local/bin`
}

/** The text of an existing user, unchanged. @throws Unacceptable */
export function userName(text: string): string {
  userAccount(text)
  return text
}

/** Looks up `NAME`, `NAME:GROUP` or numbers in their place. @throws Unacceptable */
export function userAccount(text: string): UserAccount {
  const [user = '', group, ...more] = text.split(':')
  if (user === '' || group === '' || more.length > 0) throw new Unacceptable(EXPECTED)
  const entry = entryOf('passwd', user)
  const uid = entry === undefined ? idOf(user) : Number(entry[2])
  if (uid === undefined) throw new Unacceptable(`${EXPECTED}; there is no user ${user}`)
  if (uid === 0) throw new Unacceptable('a user other than root; leave it out to stay root')
  const gid = group === undefined ? entry && Number(entry[3]) : groupId(group)
  if (gid === undefined)
    throw new Unacceptable(
      `${EXPECTED}; user ${user} has no entry, so name a group as well`,
      `${user}:${user}`,
    )
  return { name: entry?.[0] ?? user, uid, gid, home: entry?.[5] || '/' }
}

/** What the machine calls a user; `undefined` for a number without an entry. */
export function userNameOf(uid: number): string | undefined {
  return entryOf('passwd', String(uid))?.[0]
}

function groupId(text: string): number {
  const entry = entryOf('group', text)
  const gid = entry === undefined ? idOf(text) : Number(entry[2])
  if (gid === undefined) throw new Unacceptable(`${EXPECTED}; there is no group ${text}`)
  return gid
}

function idOf(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,9})$/.test(text) && Number(text) <= MAX_ID ? Number(text) : undefined
}

/**
 * Fields of a user or group, by name or number: from the machine's own list, else from its other sources
 * (nsswitch.conf(5)).
 */
function entryOf(list: 'passwd' | 'group', key: string): readonly string[] | undefined {
  const own = linesOf(list).find(([name, , id]) => name === key || id === key)
  return own ?? (/^[\w.@-]+$/.test(key) ? askedEntry(list, key) : undefined)
}

/** Lines of the machine's own list. */
export function linesOf(list: 'passwd' | 'group'): readonly (readonly string[])[] {
  try {
    return readFileSync(`/etc/${list}`, 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
  } catch {
    // ENOENT: an image without one.
    return []
  }
}

function askedEntry(list: 'passwd' | 'group', key: string): readonly string[] | undefined {
  if (Bun.which('getent') === null) return undefined
  const { exitCode, stdout } = Bun.spawnSync(['getent', list, '--', key], {
    stdin: 'ignore',
    stderr: 'ignore',
  })
  const entry = exitCode === 0 ? stdout.toString().trim().split(':') : []
  return entry.length > 3 ? entry : undefined
}
