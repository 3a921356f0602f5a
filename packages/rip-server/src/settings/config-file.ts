import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Account } from '@rip/manager'
import { readRegularFile } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'
import { bunOutOfReach } from './user-account.ts'
import type { ConfigContext } from './define-config.ts'
import { configEvaluator } from '../programs/programs.ts'
import { withoutDebugger } from './without-debugger.ts'
import { messageOf } from '../message-of.ts'

const CONFIG_NAMES = ['ts', 'js', 'mjs', 'rip'].map((ending) => `rip-server.config.${ending}`)
const EVALUATION_TIMEOUT_MS = 20_000
const RESULT_MARK = 'rip-server-config:'

/** A configuration file that was evaluated. */
export interface ConfigFile {
  readonly path: string
  readonly folder: string
  readonly values: Readonly<Record<string, unknown>>
  /** The file itself and what it imports. */
  readonly files: readonly string[]
  /** `path:line:column` of a key, or the path when the key is not spelt out in the file. */
  positionOf(key: string): string
}

/** Path of the configuration in a folder, or `undefined`. */
export function findConfigFile(folder: string): string | undefined {
  return CONFIG_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path))
}

export interface ReadConfigOptions {
  readonly signal?: AbortSignal | undefined
  /** The user the file is evaluated as. @default the user of this process */
  readonly account?: Account | undefined
}

/**
 * Evaluates the file in a child process with only that environment, because it is user code.
 *
 * @throws ServerError `CONFIG_UNREADABLE`
 */
export async function readConfigFile(
  path: string,
  context: ConfigContext,
  env: Readonly<Record<string, string | undefined>> = process.env,
  { signal, account }: ReadConfigOptions = {},
): Promise<ConfigFile> {
  const source = sourceOf(path)
  const { config: exported, files } = await evaluate(path, context, env, { signal, account })
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    const reason = 'its default export is not an object; write `export default defineConfig({ … })`'
    throw new ServerError('CONFIG_UNREADABLE', { path, reason })
  }
  return {
    path,
    folder: dirname(path),
    values: exported as Record<string, unknown>,
    files: [path, ...files],
    positionOf: (key) => positionOf(path, source, key),
  }
}

function sourceOf(path: string): string {
  try {
    return readRegularFile(path)
  } catch (error) {
    const reason = messageOf(error)
    throw new ServerError('CONFIG_UNREADABLE', { path, reason }, { cause: error })
  }
}

/** The output of the program. */
interface Evaluated {
  readonly config: unknown
  readonly files: readonly string[]
}

async function evaluate(
  path: string,
  context: ConfigContext,
  env: Readonly<Record<string, string | undefined>>,
  { signal, account }: ReadConfigOptions,
): Promise<Evaluated> {
  const program = configEvaluator()
  const command = [
    process.execPath,
    '--no-install',
    '--no-env-file',
    program,
    path,
    JSON.stringify(context),
    RESULT_MARK,
  ]
  const child = startAs(account, path, () =>
    Bun.spawn(command, {
      cwd: dirname(path),
      env: withoutDebugger(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: EVALUATION_TIMEOUT_MS,
      ...(signal && { signal }),
      ...(account && { uid: account.uid, gid: account.gid }),
    }),
  )
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const result = out.split('\n').findLast((line) => line.startsWith(RESULT_MARK))
  if (code === 0 && result !== undefined) return JSON.parse(result.slice(RESULT_MARK.length)) as Evaluated
  const reason = child.signalCode === null ? err.trim() : `no result after ${EVALUATION_TIMEOUT_MS} ms`
  throw new ServerError('CONFIG_UNREADABLE', { path, reason: reason || `it exits with ${code}` })
}

/** @throws ServerError `CONFIG_UNREADABLE` when Bun cannot be started as that user */
function startAs<T>(account: Account | undefined, path: string, start: () => T): T {
  try {
    return start()
  } catch (error) {
    if (account === undefined) throw error
    const reason = `user ${account.uid} ${bunOutOfReach()}`
    throw new ServerError('CONFIG_UNREADABLE', { path, reason }, { cause: error })
  }
}

/** The position of a key, found in the text, because the evaluated object has no positions. */
function positionOf(path: string, source: string, key: string): string {
  const match = new RegExp(`^(.*?)(?<![\\w$.])(['"]?)${RegExp.escape(key)}\\2\\s*:`, 'm').exec(source)
  if (match === null) return path
  const line = source.slice(0, match.index).split('\n').length
  return `${path}:${line}:${(match[1] ?? '').length + 1}`
}
