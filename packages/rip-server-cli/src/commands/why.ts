import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { type ContentAccount, findInstances, type Instance } from '@rip/manager'
import { contentTreeOf, modulesOf, type ServerPlan } from '@rip/server'
import type { Mode } from '@rip/server/settings'
import type { SettingsRead } from '@rip/server/sources'
import { nearPath } from '@rip/server/text'
import { importersOf } from '@rip/transpile'
import { ExitCode } from '../exit-code.ts'
import { type FileAccount, fileAccountRows } from '../inspection/file-account.ts'
import { importChain } from '../inspection/import-chain.ts'
import { connect, findInstance, type RunningInstance } from '../instance/find-instance.ts'
import { flagValue, type Invocation, invocationSettings, isOn } from '../invocation.ts'
import { table } from '../terminal/table.ts'
import { planServed } from './serve.ts'
import { realPath } from '../real-path.ts'

/**
 * Says whether a file is part of the application, why, what imports it, and what a change of it does: as the running server
 * sees it, else as one would.
 */
export async function why(invocation: Invocation): Promise<number> {
  const { line, terminal, cwd } = invocation
  const [word = '', app] = line.words
  const file = resolve(cwd, word)
  const running = await findServer(invocation, file, app)
  const account = await accountOf(invocation, file, running, app)
  if (isOn(invocation, 'json')) terminal.data(JSON.stringify(account, null, 2))
  else for (const row of table(fileAccountRows(shown(account, cwd)))) terminal.data(row)
  return ExitCode.done
}

/** The server that was named, or whose application the file is in, else the current folder. */
async function findServer(
  invocation: Invocation,
  file: string,
  app: string | undefined,
): Promise<RunningInstance | undefined> {
  const isNamed = ['name', 'run-dir'].some((flag) => flagValue(invocation, flag) !== undefined)
  if (isNamed) return await findInstance(invocation, app)
  if (app !== undefined) return await findInstance(invocation, app).catch(() => undefined)
  const running = findInstances(invocation.env)
  const around = (path: string): Instance[] => running.filter(({ root }) => contains(root, path))
  const own = around(file)
  // The innermost folder; a file outside of all may be imported by the application of this folder.
  const [nearest] = (own.length > 0 ? own : around(invocation.cwd)).toSorted(
    (a, b) => b.root.length - a.root.length,
  )
  return nearest && (await connect(nearest))
}

function contains(root: string, file: string): boolean {
  return `${file}/`.startsWith(`${root}/`) || `${realPath(file)}/`.startsWith(`${realPath(root)}/`)
}

async function accountOf(
  invocation: Invocation,
  file: string,
  running: RunningInstance | undefined,
  app: string | undefined,
): Promise<FileAccount> {
  const values = running?.snapshot.configuration?.values
  const mode = (values?.['mode'] as Mode | undefined) ?? 'development'
  const target = (values?.['app'] as string | undefined) ?? app ?? applicationOf(file, invocation.cwd)
  const resolved = await invocationSettings(withoutNames(invocation), mode, target)
  const plan = planServed(resolved, mode, invocation)
  const content =
    running === undefined ? contentTreeOf(plan).account(file) : await running.client.content(file)
  const imports = await importsOf(plan, file)
  return {
    path: file,
    root: plan.root,
    ...content,
    ...counted(content, imports),
    ...imports,
    ...(running !== undefined && { server: serverOf(running) }),
    roles: [...rolesOf(file, plan, resolved), ...(content.counts ? environmentRole(file, plan) : [])],
  }
}

/** Without a build that has found what belongs to the application, the imports tell. */
function counted(
  content: ContentAccount,
  { importedBy }: Imports,
): Pick<ContentAccount, 'counts' | 'isImported'> {
  const isImported = content.isImported ?? importedBy !== undefined
  const isKept = isImported && content.obstacle?.kind !== 'written'
  return { isImported, counts: content.counts || isKept }
}

function serverOf({ snapshot }: RunningInstance): NonNullable<FileAccount['server']> {
  return { name: snapshot.name, isWatching: snapshot.watching }
}

type Imports = Pick<FileAccount, 'importedBy' | 'importerCount' | 'importsUnknown'>

async function importsOf(plan: ServerPlan, file: string): Promise<Imports> {
  const entries = modulesOf(plan).map(realPath)
  if (plan.command !== undefined)
    return { importsUnknown: 'the application is run by a command, and not loaded' }
  const real = realPath(file)
  const importers = await importersOf(plan.root, entries)
  const importedBy = importChain(importers, entries, real)
  const importerCount = importers.get(real)?.size ?? 0
  return importedBy === undefined ? {} : { importedBy, importerCount }
}

/** What else a file is to the server. */
function rolesOf(file: string, plan: ServerPlan, { configFile, files }: SettingsRead): string[] {
  const real = realPath(file)
  const roles: string[] = []
  if (configFile !== undefined && realPath(configFile) === real)
    roles.push(
      'the configuration: read at each reload, which says what takes a restart (see rip-server config)',
    )
  else if (files.map(realPath).includes(real))
    roles.push('imported by the configuration: read at each reload')
  for (const { at, folder } of plan.static)
    if (contains(folder, file))
      roles.push(`static: answers ${join('/', at, relative(realPath(folder), real))} as it is on disk`)
  return roles
}

/** Of a file that this mode reads; those of other modes count for nothing. */
function environmentRole(file: string, { root }: ServerPlan): string[] {
  const isRead =
    dirname(file) === root &&
    /^\.env(?:\.local|(?:\.(?:development|production|test))(?:\.local)?)?$/.test(basename(file))
  return isRead ? ['variables: read at each start of a generation, for all workers of it'] : []
}

/** The nearest folder above a file that looks like that of an application, else the current one. */
function applicationOf(file: string, cwd: string): string {
  const isBelow = contains(cwd, file)
  return isBelow ? cwd : (folderWithManifest(dirname(file)) ?? cwd)
}

function folderWithManifest(folder: string): string | undefined {
  if (folder.includes('/node_modules'))
    return folderWithManifest(folder.slice(0, folder.indexOf('/node_modules')))
  if (existsSync(join(folder, 'package.json'))) return folder
  const above = dirname(folder)
  return above === folder ? undefined : folderWithManifest(above)
}

/** Flags that found the server set nothing. */
function withoutNames(invocation: Invocation): Invocation {
  const flags = new Map([...invocation.line.flags].filter(([flag]) => flag !== 'name' && flag !== 'run-dir'))
  return { ...invocation, line: { ...invocation.line, flags } }
}

function shown(account: FileAccount, cwd: string): FileAccount {
  const { path, importedBy } = account
  return {
    ...account,
    path: nearPath(path, cwd),
    ...(importedBy !== undefined && { importedBy: importedBy.map((each) => nearPath(each, cwd)) }),
  }
}
