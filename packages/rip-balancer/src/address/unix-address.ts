import { readFileSync } from 'node:fs'

/** A Unix socket to listen on, with its permissions. */
export interface UnixAddress {
  readonly path: string
  /** Permissions of the socket; connecting takes the right to write. */
  readonly mode?: number
  /** Number of the group the socket belongs to. */
  readonly gid?: number
}

/** The accepted form, for messages. */
export const UNIX_ADDRESS_FORM = 'unix:PATH, or with who may connect, unix:PATH?mode=0660&group=NAME'

/** Every user who may enter the folder may connect, as with the servers this one replaces. */
export const DEFAULT_SOCKET_MODE = 0o666

/** Reads `PATH?mode=0660&group=www-data`; `undefined` for anything else, and for groups this machine does not have. */
export function parseUnixAddress(text: string): UnixAddress | undefined {
  const [path = '', options, ...more] = text.split('?')
  if (path === '' || path.includes('\0') || more.length > 0) return undefined
  if (options === undefined) return { path }
  const given = options.split('&').map((option) => option.split('='))
  const { mode, group, ...others } = Object.fromEntries(given) as Record<string, string | undefined>
  const isRepeated = given.length !== new Set(given.map(([name]) => name)).size
  if (isRepeated || Object.keys(others).length > 0 || given.some((option) => option.length !== 2))
    return undefined
  const bits = mode === undefined ? undefined : modeOf(mode)
  const gid = group === undefined ? undefined : groupNumber(group)
  if ((mode !== undefined && bits === undefined) || (group !== undefined && gid === undefined))
    return undefined
  return { path, ...(bits !== undefined && { mode: bits }), ...(gid !== undefined && { gid }) }
}

/** Octal, such as `0660`; one that lets no user connect is a mistake. */
function modeOf(text: string): number | undefined {
  const mode = /^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : 0
  return (mode & 0o222) === 0 ? undefined : mode
}

/** By number, or by name as the machine's own list of groups has it. */
function groupNumber(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const entry = groupLines().find((line) => line.startsWith(`${text}:`))
  const number = entry?.split(':')[2]
  return text === '' || number === undefined ? undefined : Number(number)
}

function groupLines(): string[] {
  try {
    return readFileSync('/etc/group', 'utf8').split('\n')
  } catch {
    // ENOENT: groups are known by number only.
    return []
  }
}
