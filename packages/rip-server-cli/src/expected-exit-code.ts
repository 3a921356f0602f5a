import { ManagerError, type ManagerErrorCode, type ManagerErrorDetail } from '@rip/manager'
import { ServerError, type ServerErrorCode } from '@rip/server/settings'
import { CliError } from './errors.ts'
import { ExitCode } from './exit-code.ts'

const managerExitCodes: Partial<Record<ManagerErrorCode, ExitCode>> = {
  ALREADY_RUNNING: ExitCode.alreadyRunning,
  NOT_RUNNING: ExitCode.notRunning,
  NO_PREVIOUS_GENERATION: ExitCode.reloadRefused,
  GENERATION_NOT_KEPT: ExitCode.reloadRefused,
}

const serverExitCodes: Readonly<Record<ServerErrorCode, ExitCode>> = {
  FLAGS_INVALID: ExitCode.usage,
  CONFIG_INVALID: ExitCode.configInvalid,
  CONFIG_UNREADABLE: ExitCode.configInvalid,
  FILE_REFUSED: ExitCode.configInvalid,
  APP_NOT_FOUND: ExitCode.appFailed,
  NOT_STARTED: ExitCode.failed,
  CLOSED: ExitCode.failed,
}

/** Exit code after a failure that one of these packages reports on purpose; `undefined` after any other. */
export function expectedExitCode(error: unknown): ExitCode | undefined {
  if (error instanceof CliError) return error.exitCode
  if (error instanceof ServerError) return serverExitCodes[(error as ServerError).code]
  return error instanceof ManagerError ? managerExitCode(error) : undefined
}

/** Exit code for the reason of an instance that refused a command, as if that had happened in this process. */
function managerExitCode({ code, detail }: ManagerError): ExitCode {
  const { reason } = detail as Partial<ManagerErrorDetail<'CONTROL_REFUSED'>>
  const codes: Readonly<Record<string, ExitCode | undefined>> = managerExitCodes
  return codes[code === 'CONTROL_REFUSED' ? (reason ?? code) : code] ?? ExitCode.failed
}
