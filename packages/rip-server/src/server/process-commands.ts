import type { BackgroundProgram } from '@rip/manager'
import { commandPreload, commandProgram, workerProgram } from '../programs/programs.ts'
import type { BackgroundSetting } from '../settings/background-programs.ts'
import { MAX_HEAD_BYTES } from '../settings/balancer-settings.ts'
import { commandArgv, commandText } from '../settings/command.ts'
import type { ServerPlan } from './server-plan.ts'

/** What the balancer may add to a head: who the client is, and the id of the request. */
const ADDED_HEAD_BYTES = 64 * 1024
/**
 * The balancer limits the length of heads, and its limit may change while workers run. A worker's own limit cannot
 * change, and is lower by default.
 */
const TAKE_ANY_HEAD = `--max-http-header-size=${MAX_HEAD_BYTES + ADDED_HEAD_BYTES}`

/** How a worker is started. */
export function workerCommand(plan: ServerPlan): readonly [string, ...string[]] {
  return [process.execPath, ...runtimeFlags(plan), ...workerArguments(plan)]
}

/** How a process that works in the background is started. */
export function backgroundProgram(setting: BackgroundSetting, plan: ServerPlan): BackgroundProgram {
  const { name } = setting
  const bun: [string, ...string[]] = [process.execPath, ...runtimeFlags(plan)]
  return 'file' in setting
    ? { name, argv: [...bun, workerProgram(), setting.file] }
    : { name, argv: [...bun, '--smol', workerProgram()], command: setting.command }
}

/**
 * Flags of Bun for workers and builders: they read no `.env` files, and install packages only when the operator asked
 * for it, never in production.
 */
export function runtimeFlags({ mode, settings }: Pick<ServerPlan, 'mode' | 'settings'>): readonly string[] {
  return mode === 'development' && settings.install ? ['--no-env-file'] : ['--no-env-file', '--no-install']
}

/** What Bun runs for each worker. */
function workerArguments({ root, command, entry = root }: ServerPlan): readonly string[] {
  if (command === undefined) return [TAKE_ANY_HEAD, workerProgram(), entry]
  return ['--smol', commandProgram(), commandPreload(), commandText(command), ...commandArgv(command)]
}
