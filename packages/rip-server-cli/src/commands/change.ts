import type { Manager, ManagerStatus, Refusal, ReloadResult } from '@rip/manager'
import { durationMs } from '@rip/server/settings'
import { refusalDetail, refusalMessage } from '@rip/server/text'
import { DEFAULT_COMMAND_TIMEOUT_MS } from '../defaults.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { findInstance, type RunningInstance } from '../instance/find-instance.ts'
import { tellPhases } from '../instance/phases.ts'
import { flagValue, type Invocation, isOn, readFlag } from '../invocation.ts'
import { condemnedText, configurationLines, shortGeneration } from '../terminal/event-line.ts'
import { durationText } from '../terminal/quantity-text.ts'

/** Proves the code on disk and switches to it. */
export const reload: (invocation: Invocation) => Promise<number> = change('reload')
/** Replaces every worker by a fresh process of the same code. */
export const restart = (invocation: Invocation): Promise<number> =>
  isOn(invocation, 'manager') ? handOver(invocation) : restartWorkers(invocation)
/** Returns to the previous code. */
export const rollback: (invocation: Invocation) => Promise<number> = change('rollback')

type Change = keyof Pick<Manager, 'reload' | 'restart' | 'rollback'>

const restartWorkers = change('restart')

/** Replaces the running server by a new process with the program that is on disk. */
async function handOver(invocation: Invocation): Promise<number> {
  const { client, snapshot } = await findInstance(invocation, invocation.line.words[0])
  const result = await withTimeout(invocation, 'restart', (signal) => client.handOver({ signal }))
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify(result))
  if (!result.ok) throw new CliError('RELOAD_REFUSED', { message: result.message, frame: '' })
  if (!isOn(invocation, 'json')) invocation.terminal.data(`process ${snapshot.pid} → ${result.pid}`)
  const { snapshot: now } = await findInstance(invocation, invocation.line.words[0])
  const doubt = condemnedText(now)
  if (doubt !== undefined)
    invocation.terminal.complain(`${invocation.terminal.bad('warning')} ${doubt}`, 'warn')
  return ExitCode.done
}

function change(verb: Change) {
  return async (invocation: Invocation): Promise<number> => {
    const { client, snapshot, background } = await findTarget(verb, invocation)
    const reason = flagValue(invocation, 'reason')
    const isLong = verb === 'reload' && isOn(invocation, 'wait')
    const watchMs = isLong ? longestWatchMs(snapshot) : 0
    using _phases = tellPhases(invocation.terminal, client)
    const result = await withTimeout(
      invocation,
      verb,
      (signal) => {
        const given = { signal, ...(reason !== undefined && { reason }) }
        const insists = isOn(invocation, 'force') && { force: true }
        if (verb === 'restart') return client.restart({ ...given, ...(background && { background }) })
        if (verb === 'rollback') return client.rollback({ ...given, ...insists })
        return client.reload({ ...given, ...insists, ...(isOn(invocation, 'wait') && { wait: true }) })
      },
      watchMs,
    )
    if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify(result))
    const code = tell(verb, result, invocation)
    if (isLong) tellFailing(await client.status(), invocation)
    return code
  }
}

/**
 * Code also stays while many of its answers fail: those that the code before did not give, as it has no such route, say nothing
 * about which of the two is better.
 */
function tellFailing({ health, healthReasons }: ManagerStatus, { terminal }: Invocation): void {
  if (health !== 'failing') return
  const reasons = healthReasons.join('; ')
  terminal.complain(`${terminal.bad('warning')} ${reasons}: see rip-server status --routes`, 'warn')
}

/** The instance, and the background process of it that the word of `restart` names, if it does. */
async function findTarget(
  verb: Change,
  invocation: Invocation,
): Promise<RunningInstance & { readonly background?: string }> {
  const [word] = invocation.line.words
  if (verb !== 'restart' || word === undefined) return await findInstance(invocation, word)
  const found = await findInstance(invocation, undefined).catch(() => undefined)
  const isName = found?.snapshot.background.some(({ name }) => name === word) === true
  return found !== undefined && isName ? { ...found, background: word } : await findInstance(invocation, word)
}

function tell(verb: Change, result: ReloadResult, { terminal, line }: Invocation): number {
  if (!result.ok) {
    throw failureOf(result.refusal)
  }
  if (line.flags.has('json') || line.flags.has('quiet')) return ExitCode.done
  if (result.unchanged)
    terminal.data(`${shortGeneration(result.generation)} serves already; nothing changed on disk`)
  else terminal.data(changeText(verb, result) + watchText(result, line.flags.has('wait')))
  for (const line of configurationLines(result.configuration)) terminal.data(line)
  return ExitCode.done
}

/** Says whether the code was refused, and never served, or served and was taken back. */
function failureOf(refusal: Refusal): CliError {
  const detail = { message: refusalMessage(refusal), frame: refusalDetail(refusal) }
  if (refusal.code === 'config-invalid') return new CliError('CONFIG_REFUSED', detail)
  if (refusal.code !== 'rolled-back') return new CliError('RELOAD_REFUSED', detail)
  return new CliError('TAKEN_BACK', { ...detail, generation: shortGeneration(refusal.generation) })
}

function changeText(
  verb: Change,
  { previous, generation, tookMs }: Extract<ReloadResult, { ok: true }>,
): string {
  if (verb === 'restart') return `${shortGeneration(generation)} restarted in ${durationText(tookMs)}`
  const from = previous === null ? '' : `${shortGeneration(previous)} → `
  return `${from}${shortGeneration(generation)} in ${durationText(tookMs)}`
}

/** How long the new code is watched and may be taken back, or that the watch has ended. */
function watchText({ watchedMs }: Extract<ReloadResult, { ok: true }>, hasWaited: boolean): string {
  if (watchedMs === undefined) return ''
  if (hasWaited) return '; its answers were watched, it stays'
  return `; its answers are watched for ${durationText(watchedMs)} (--wait waits for that)`
}

/** The longest watch of a release: the rollback window, and as long again for a comparison. */
function longestWatchMs({ configuration }: ManagerStatus): number {
  const windowMs = configuration?.values['rollbackWindowMs']
  return typeof windowMs === 'number' ? 2 * windowMs : 0
}

/**
 * Runs a request to an instance within `--timeout`, by default with so much more time than usual. @throws CliError
 * `TIMED_OUT`
 */
export async function withTimeout<T>(
  invocation: Invocation,
  what: string,
  ask: (signal: AbortSignal) => Promise<T>,
  extraMs: number = 0,
): Promise<T> {
  const afterMs = readFlag(invocation, 'timeout', durationMs) ?? DEFAULT_COMMAND_TIMEOUT_MS + extraMs
  const signal = AbortSignal.timeout(afterMs)
  try {
    return await ask(signal)
  } catch (error) {
    if (!signal.aborted) throw error
    throw new CliError('TIMED_OUT', { what, afterMs }, { cause: error })
  }
}
