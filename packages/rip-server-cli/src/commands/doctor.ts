import { existsSync } from 'node:fs'
import { access, constants, readFile, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import {
  availableCpus,
  findInstances,
  type Instance,
  locateRunDir,
  ManagerError,
  readMemory,
} from '@rip/manager'
import type { Finding } from '../diagnosis/finding.ts'
import { type AskedInstance, instanceFindings } from '../diagnosis/instance-findings.ts'
import { type Machine, machineFindings, type RunDirs, type Space } from '../diagnosis/machine-findings.ts'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { connect } from '../instance/find-instance.ts'
import { type Invocation, isOn } from '../invocation.ts'
import { ownManifest } from '../own-manifest.ts'
import { table } from '../terminal/table.ts'

/**
 * Prints what this machine offers and how its servers are, with what to do, and with `--quiet` only what is wrong; exit 1
 * when something should be changed.
 */
export async function doctor(invocation: Invocation): Promise<number> {
  const instances = await Promise.all(findInstances(invocation.env).map(asked))
  const findings = [
    ...machineFindings(await machine(invocation)),
    ...instanceFindings(instances.flat(), Date.now()),
  ]
  if (isOn(invocation, 'json')) invocation.terminal.data(JSON.stringify(findings, null, 2))
  else
    for (const line of findingLines(shownFindings(findings, invocation), invocation))
      invocation.terminal.data(line)
  return findings.some(({ advice }) => advice !== undefined) ? ExitCode.failed : ExitCode.done
}

function shownFindings(findings: readonly Finding[], invocation: Invocation): readonly Finding[] {
  return isOn(invocation, 'quiet') ? findings.filter(({ advice }) => advice !== undefined) : findings
}

function findingLines(findings: readonly Finding[], { terminal }: Invocation): string[] {
  const rows = findings.map(({ name, value, advice }) => {
    return [advice === undefined ? terminal.good('ok') : terminal.bad('!!'), name, value]
  })
  const problems = findings.flatMap(({ name, advice, remedies = [] }) =>
    advice === undefined
      ? []
      : ['', `${terminal.strong(name)}: ${advice}`, ...remedies.map((each) => `  ${each}`)],
  )
  return [...table(rows), ...problems]
}

async function machine({ env }: Invocation): Promise<Machine> {
  const { base } = locateRunDir({ root: '/' }, env)
  const chosen = env['XDG_RUNTIME_DIR']
  return {
    bun: { version: Bun.version, needed: ownManifest().engines.bun },
    processors: availableCpus(),
    openFiles: await openFilesLimit(),
    fileWatches: await numberIn('/proc/sys/fs/inotify/max_user_watches'),
    acceptQueue: await numberIn('/proc/sys/net/core/somaxconn'),
    memory: readMemory(),
    runDirs: await runDirsAt(base, chosen !== undefined && !base.startsWith(`${chosen}/`)),
    spaces: [
      await spaceIn(base, {
        what: 'run directories',
        follows: 'no server starts, and reloads are refused',
        elsewhere: 'rip-server start --run-dir FOLDER    # another place',
      }),
      await spaceIn(tmpdir(), {
        what: 'temporary files',
        follows: 'applications cannot write them, and code is compiled anew at each start',
        elsewhere: 'TMPDIR=FOLDER    # in the environment: another place',
      }),
    ],
  }
}

async function openFilesLimit(): Promise<number | undefined> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const limit = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (limit === undefined) return undefined
  return limit === 'unlimited' ? Infinity : Number(limit)
}

/** `undefined` where there is no such file, as on other systems. */
async function numberIn(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text === '' ? undefined : Number(text)
}

async function runDirsAt(base: string, isPassedOver: boolean): Promise<RunDirs> {
  const existing = existingPart(base)
  const isWritable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  )
  return { base, existing, isWritable, isPassedOver }
}

async function spaceIn(folder: string, names: Pick<Space, 'what' | 'follows' | 'elsewhere'>): Promise<Space> {
  const path = existingPart(folder)
  const { bavail, bsize, files, ffree } = await statfs(path)
  return { ...names, path, freeBytes: bavail * bsize, isOutOfFiles: files > 0 && ffree === 0 }
}

/** Nothing of one that has stopped meanwhile. */
async function asked(instance: Instance): Promise<AskedInstance[]> {
  const { name, pid } = instance
  try {
    return [{ name, pid, status: (await connect(instance)).snapshot }]
  } catch (error) {
    if (error instanceof CliError && error.code === 'TIMED_OUT') return [{ name, pid, trouble: 'silent' }]
    const isOther = error instanceof ManagerError && error.code === 'CONTROL_VERSION'
    return isOther ? [{ name, pid, trouble: 'other-release' }] : []
  }
}

function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path))
}
