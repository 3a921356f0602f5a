import { readManifest, WorkerError } from '@rip/worker/entry'
import { ServerError } from '../errors.ts'

/** What the `package.json` of an application says about it under `rip`, unchecked. */
export interface RipFields {
  readonly background?: unknown
  readonly command?: unknown
  readonly entry?: unknown
}

/**
 * Reads these fields of a `package.json`; none when `rip` is no object.
 *
 * @param staysInFolder whether the file may not be a link that leads out of its folder
 * @throws ServerError `CONFIG_INVALID`
 */
export function ripFields(file: string, staysInFolder: boolean): RipFields {
  try {
    const { rip } = readManifest(file, { staysInFolder })
    return typeof rip === 'object' && rip !== null ? rip : {}
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    throw new ServerError('CONFIG_INVALID', { problems: [error.message] }, { cause: error })
  }
}
