import {
  availableCpus,
  type BackgroundStatus,
  findInstances,
  locateRunDir,
  type ManagerStatus,
  readMemory,
} from '@rip/manager'
import { expiryText } from '@rip/server/sources'
import { existsSync } from 'node:fs'
import { access, constants, readFile, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { connect } from '../instance/find-instance.ts'
import { exitReasonText } from '../terminal/event-line.ts'
import { bytesText } from '../terminal/quantity-text.ts'
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

/** A worker and its builder need about this much. */
const LEAST_MEMORY_BYTES = 128 * 2 ** 20
/** Snapshots of a large application take some tens of megabytes each. */
const LEAST_SPACE_BYTES = 100 * 2 ** 20
const EXPIRES_SOON_MS = 14 * 86_400_000

/** Prints what this machine offers; exit 1 when something should be changed. */
export async function doctor(invocation: Invocation): Promise<number> {
  const found = await Promise.all([
    openFiles(),
    watches(),
    runFolder(invocation),
    freeSpace('space for run directories', locateRunDir({ root: '/' }, invocation.env).base),
    freeSpace('space for temporary files', tmpdir()),
    ofInstances(invocation),
  ])
  const findings = [bunVersion(), processors(), memory(), ...found.flat()]
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

/** The folder where instances are listed; one whose path is too long for the names of sockets is skipped. */
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

/** The free memory of the machine or of the control group. */
function memory(): Finding {
  const name = 'memory'
  const reading = readMemory()
  if (reading === undefined) return { name, value: 'unknown on this system' }
  const { availableBytes, limit } = reading
  const of = limit === undefined ? '' : `, of ${bytesText(limit.bytes)} that the control group may use`
  const value = `${bytesText(availableBytes)} available${of}`
  if (availableBytes >= LEAST_MEMORY_BYTES) return { name, value }
  const advice = `Less than ${bytesText(LEAST_MEMORY_BYTES)} of memory are available: a reload has no room for new workers beside the old ones.`
  return { name, value, advice }
}

/** The free space of a folder for snapshots, sockets and logs. */
async function freeSpace(name: string, folder: string): Promise<Finding> {
  const path = existingPart(folder)
  const { bavail, bsize, files, ffree } = await statfs(path)
  const freeBytes = bavail * bsize
  const value = `${bytesText(freeBytes)} free in ${path}`
  if (files > 0 && ffree === 0)
    return { name, value, advice: `The file system of ${path} has no room for more files: remove some.` }
  if (freeBytes >= LEAST_SPACE_BYTES) return { name, value }
  const advice = `Less than ${bytesText(LEAST_SPACE_BYTES)} are free in ${path}: reloads are refused when there is no room for a snapshot.`
  return { name, value, advice }
}

/** What the running instances say. */
async function ofInstances({ env }: Invocation): Promise<Finding[]> {
  const asked = await Promise.allSettled(findInstances(env).map(connect))
  const statuses = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value.snapshot] : []))
  return [
    ...certificates(statuses),
    ...statuses.flatMap((status) => status.background.map((each) => backgroundFinding(status, each))),
  ]
}

function backgroundFinding(
  { name: instance }: ManagerStatus,
  { name, state, crashes }: BackgroundStatus,
): Finding {
  const finding = { name: 'in the background', value: `${name} of ${instance}: ${state}` }
  if (crashes === null || state === 'working') return finding
  const advice = `${name} of ${instance} ended ${crashes.count} times lately, the last time it ${exitReasonText(crashes.reason)}: see "rip-server logs --name ${instance}".`
  return { ...finding, advice }
}

function certificates(statuses: readonly ManagerStatus[]): Finding[] {
  const served = statuses.flatMap((status) => status.certificates ?? [])
  return served.map((certificate) => {
    const { file, expiresAtMs, problem } = certificate
    const name = 'certificate'
    const value = expiryText(certificate, Date.now())
    if (problem !== null) return { name, value, advice: `What is now in ${file} is not used: ${problem}.` }
    const isSoon = expiresAtMs - Date.now() < EXPIRES_SOON_MS
    return isSoon ? { name, value, advice: `Renew the certificate ${file}.` } : { name, value }
  })
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
