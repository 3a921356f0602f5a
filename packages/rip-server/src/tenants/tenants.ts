import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Account, Tenants } from '@rip/manager'
import type { Settings } from '../settings/settings.ts'
import { bunOutOfReach, type UserAccount, userAccount } from '../settings/user-account.ts'
import { ServerError } from '../errors.ts'
import { balancerProgram, builderProgram, workerProgram } from '../programs/programs.ts'
import { spareNumber } from './spare-number.ts'

/** The users other than root that parts of a server run as. */
export interface ServerTenants extends Tenants {
  /** Runs the application: workers, and the builder, which runs the application's own compilers and plugins. */
  readonly workers: UserAccount
}

export interface TenantOptions {
  /** Files that the application's user has to be able to read. */
  readonly files: readonly string[]
  /** The configuration file that sets `user`; absent when it is set elsewhere. */
  readonly configFile?: string | undefined
  /** Tells this server from others. */
  readonly seed: string
}

/** Undefined when everything runs as the user of this process. @throws ServerError `CONFIG_INVALID` */
export function serverTenants(settings: Settings, options: TenantOptions): ServerTenants | undefined {
  const { user, balancerUser } = settings
  if (user === undefined) {
    if (balancerUser !== undefined) throw invalid(`balancerUser: needs user, the user that workers run as`)
    return undefined
  }
  if (process.platform !== 'linux')
    throw invalid(`user: Linux only; elsewhere start rip-server as that user, with sudo -u ${user}`)
  if (process.geteuid?.() !== 0)
    throw invalid(
      `user: only root can run workers as another user; start rip-server as root, or as ${user} without this setting`,
    )
  const workers = userAccount(user)
  const router = balancerUser === undefined ? spareAccount(options.seed) : userAccount(balancerUser)
  if (router.uid === workers.uid)
    throw invalid('balancerUser: has to be another than user, whose processes could read its keys')
  refuseSelfAppointed(workers, options.configFile)
  refuseUnwritableLog(settings)
  proveReach(workers.name, workers, [process.execPath, workerProgram(), builderProgram(), ...options.files])
  proveReach('the balancer', router, [process.execPath, balancerProgram()])
  return { workers, router }
}

function spareAccount(seed: string): Account {
  const id = spareNumber(seed)
  return { uid: id, gid: id }
}

/** Refuses a `user` in a file that others can change, because they could choose another user, or none. */
function refuseSelfAppointed(workers: UserAccount, configFile: string | undefined): void {
  if (configFile === undefined) return
  for (const path of [configFile, dirname(configFile)]) {
    const { uid, mode } = statSync(path)
    if (uid !== 0 || (mode & 0o022) !== 0)
      throw invalid(
        `user: ${path} can be changed by others than root, who could so become root; give --user ${workers.name} instead`,
      )
  }
}

/** Refuses a log file without `balancerUser`, because a number that no user has owns no folder to write to. */
function refuseUnwritableLog({ balancer: { accessLog }, balancerUser }: Settings): void {
  const file = typeof accessLog === 'object' ? accessLog.file : undefined
  if (file === undefined || balancerUser !== undefined) return
  throw invalid(
    `balancer.accessLog.file: with user, ${file} needs a user who can write to its folder, named by balancerUser; ` +
      'or leave it out and redirect standard output to a file',
  )
}

/** Tries it in a process that runs as that user, because rights are more than modes. */
function proveReach(name: string, { uid, gid }: Account, files: readonly string[]): void {
  const reason = tryReach({ uid, gid }, files)
  if (reason !== undefined) throw invalid(`user: ${name} (${uid}:${gid}) ${reason}`)
}

const SCRIPT = `
const { accessSync, constants } = require('node:fs')
for (const file of JSON.parse(process.env.FILES)) {
  try { accessSync(file, constants.R_OK) } catch { process.stdout.write(file); break }
}`

function tryReach(account: Account, files: readonly string[]): string | undefined {
  const { execPath } = process
  const failed = bunOutOfReach()
  try {
    const { exitCode, stdout } = Bun.spawnSync(
      [execPath, '--config=/dev/null', '--no-env-file', '-e', SCRIPT],
      { ...account, cwd: '/', env: { FILES: JSON.stringify(files) }, stdio: ['ignore', 'pipe', 'ignore'] },
    )
    if (exitCode !== 0) return failed
    const file = stdout.toString()
    return file === '' ? undefined : `cannot read ${file}; let it, or put it where it may`
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'ENOENT') return failed
    return `cannot be what a process runs as: ${message}; this takes the capabilities CAP_SETUID and CAP_SETGID`
  }
}

function invalid(problem: string): ServerError {
  return new ServerError('CONFIG_INVALID', { problems: [problem] })
}
