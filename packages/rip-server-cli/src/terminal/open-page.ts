import { existsSync } from 'node:fs'

/** A program that shows pages; `undefined` where none can be seen from this process, as over ssh. */
export function browserCommand(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
  isThere: (path: string) => boolean = existsSync,
): readonly string[] | undefined {
  // As xdg-open(1) reads it: the first of several, with or without a place for the address.
  const [named = ''] = (env['BROWSER'] ?? '').split(':')
  if (named === 'none') return undefined
  if (named !== '') return named.split(' ').filter((word) => word !== '')
  if (platform === 'darwin') return ['open']
  // Windows Subsystem for Linux: the browser is a program of Windows.
  if (isThere('/proc/sys/fs/binfmt_misc/WSLInterop')) return ['wslview']
  const isShown = (env['DISPLAY'] ?? '') !== '' || (env['WAYLAND_DISPLAY'] ?? '') !== ''
  return isShown ? ['xdg-open'] : undefined
}

/**
 * Opens a page in the browser of the user, without waiting for it to be closed. Resolves with why it could not, or
 * `undefined`.
 */
export async function openPage(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const command = browserCommand(env)
  if (command === undefined) return 'no browser can be shown from here; BROWSER names one'
  const words = command.some((word) => word.includes('%s'))
    ? command.map((word) => word.replaceAll('%s', url))
    : [...command, url]
  try {
    const child = Bun.spawn(words, { stdio: ['ignore', 'ignore', 'ignore'], env, detached: true })
    // Programs such as xdg-open end at once; a browser that is started anew stays.
    child.unref()
    const code = await Promise.race([child.exited, Bun.sleep(SETTLE_MS)])
    return code === undefined || code === 0 ? undefined : `${words[0]} ended with ${code}`
  } catch {
    return `${words[0]} cannot be started; BROWSER names another program`
  }
}

/** How long a program may take to say that it cannot open a page. */
const SETTLE_MS = 5_000
