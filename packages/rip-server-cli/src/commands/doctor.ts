import { availableCpus, locateRunDir } from '@rip/manager'
import { existsSync } from 'node:fs'
import { access, constants, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { table } from '../terminal/table.ts'
import manifest from '../../package.json' with { type: 'json' }

interface Finding {
  readonly name: string
  readonly value: string
  /** What to do, when something should be done. */
  readonly advice?: string
}

/** Fewer open files than this are used up by a busy balancer. */
const FEWEST_OPEN_FILES = 4_096
/** Fewer watches than this are used up by one application with dependencies. */
const FEWEST_WATCHES = 8_192

/** Prints what this machine offers; exit 1 when something should be changed. */
export async function doctor(invocation: Invocation): Promise<number> {
  const limits = await Promise.all([openFiles(), watches(), runFolder(invocation)])
  const findings = [bunVersion(), processors(), ...limits]
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify(findings, null, 2))
  else for (const line of findingLines(findings, invocation)) invocation.terminal.data(line)
  return findings.some(({ advice }) => advice !== undefined) ? ExitCode.failed : ExitCode.done
}

function findingLines(findings: readonly Finding[], { terminal }: Invocation): string[] {
  const rows = findings.map(({ name, value, advice }) => {
    return [advice === undefined ? terminal.good('ok') : terminal.bad('!!'), name, value]
  })
  const advices = findings.flatMap(({ advice }) => advice ?? [])
  return [...table(rows), ...advices.map((advice) => `\n${advice}`)]
}

function bunVersion(): Finding {
  const name = 'Bun'
  const needed = manifest.engines.bun
  if (Bun.semver.satisfies(Bun.version, needed)) return { name, value: Bun.version }
  return { name, value: Bun.version, advice: `rip-server needs Bun ${needed}: run "bun upgrade".` }
}

function processors(): Finding {
  return { name: 'processors', value: `${availableCpus()} (the number of workers "auto" stands for)` }
}

async function openFiles(): Promise<Finding> {
  const name = 'open files'
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const limit = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (limit === undefined) return { name, value: 'unknown on this system' }
  if (limit === 'unlimited' || Number(limit) >= FEWEST_OPEN_FILES) return { name, value: limit }
  const advice = `Raise the limit of open files to ${FEWEST_OPEN_FILES} or more: ulimit -n ${FEWEST_OPEN_FILES}.`
  return { name, value: limit, advice }
}

async function watches(): Promise<Finding> {
  const name = 'file watches'
  const path = '/proc/sys/fs/inotify/max_user_watches'
  if (!existsSync(path)) return { name, value: 'no limit known on this system' }
  const value = (await readFile(path, 'utf8')).trim()
  if (Number(value) >= FEWEST_WATCHES) return { name, value }
  const advice = `Raise fs.inotify.max_user_watches, or development notices changes only by its regular sweep.`
  return { name, value, advice }
}

/** Where instances are listed; a folder whose path leaves no room for the names of sockets is passed over. */
async function runFolder({ env }: Invocation): Promise<Finding> {
  const name = 'run directories'
  const { base } = locateRunDir({ root: '/' }, env)
  const chosen = env['XDG_RUNTIME_DIR']
  const value =
    chosen === undefined || base.startsWith(`${chosen}/`)
      ? base
      : `${base} (the path of XDG_RUNTIME_DIR is too long for sockets)`
  if (await isWritable(existingPart(base))) return { name, value }
  return { name, value, advice: `Make ${existingPart(base)} writable, or choose a folder with --run-dir.` }
}

function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path))
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}
