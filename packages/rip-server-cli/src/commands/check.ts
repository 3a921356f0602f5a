import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, type ServerPlan } from '@rip/server'
import { expiryText, settingsCertificate } from '@rip/server/sources'
import { commandText } from '@rip/server/settings'
import type { ServedCertificate } from '@rip/manager'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, invocationSettings, isOn } from '../invocation.ts'
import { durationText } from '../terminal/quantity-text.ts'
import { explained, planServed } from './serve.ts'

/** Proves configuration and application in one temporary worker that no client reaches. */
export async function check(invocation: Invocation): Promise<number> {
  const resolved = await invocationSettings(invocation, 'production', invocation.line.words[0])
  const folder = await mkdtemp(join(tmpdir(), 'rip-check-'))
  if (resolved.settings.user !== undefined) await chmod(folder, 0o711)
  try {
    const settings = { ...resolved.settings, workers: 1, runDir: join(folder, 'run') }
    const planned = planServed({ ...resolved, settings }, 'production', invocation)
    const plan = {
      ...planned,
      // It is none of the instances that other commands find.
      env: { ...planned.env, XDG_RUNTIME_DIR: folder },
      listen: undefined,
      ops: undefined,
      watch: false,
      // What is to run once may run in a server that serves.
      standsBy: true,
      isProgram: false,
      // Standard output is for the verdict.
      output: process.stderr,
    }
    await using server = new Server(plan)
    const startedMs = performance.now()
    await server.start()
    const tookMs = Math.round(performance.now() - startedMs)
    const generation = server.status?.generation
    const certificate = settingsCertificate(resolved.settings)
    const ok = certificate?.problem == null
    const { terminal } = invocation
    if (isOn(invocation, 'json')) terminal.data(JSON.stringify({ ok, generation, tookMs, certificate }))
    else {
      terminal.say(`${subject(plan)} starts and is ready after ${durationText(tookMs)}${healthText(plan)}`)
      if (certificate !== undefined) terminal.say(certificateText(certificate, Date.now()))
    }
    return ok ? ExitCode.done : ExitCode.configInvalid
  } catch (error) {
    throw explained(error)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What was started: the entry, the start command, or the programs that work in the background. */
function subject({ command, entry, settings }: ServerPlan): string {
  if (command !== undefined) return `"${commandText(command)}"`
  return entry ?? settings.background.map(({ name }) => name).join(', ')
}

/** Whether a health check was asked for, and so has passed. */
function healthText({ settings: { health }, entry, command }: ServerPlan): string {
  const answers = entry !== undefined || command !== undefined
  return health === undefined || !answers ? '' : `, health check ${health} passed`
}

/** Until when the certificate is valid, and why clients would refuse it. */
function certificateText(certificate: ServedCertificate, nowMs: number): string {
  const { file, names, problem } = certificate
  if (problem !== null) return `clients refuse the certificate ${file}: ${problem}`
  return `${expiryText(certificate, nowMs)}; it is for ${names.join(', ') || 'no host'}`
}
