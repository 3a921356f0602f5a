import { closeSync, constants, linkSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openOwnFile, writeOwnFile } from './own-file.ts'

/** Its name in a run directory. */
export const SECRET_NAME = 'secret'
/** 256 bits in base64url. */
const SECRET_BYTES = 32
const SECRET = /^[\w-]{43}$/

/**
 * A secret that the manager of an instance and the balancers beside it share: the first that needs it writes it into the
 * run directory, where only their user can read it. It goes when the last of them has gone.
 */
export class SharedSecret {
  readonly #folder: string
  #known: string | undefined

  /** @param folder run directory of the instance */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** The secret, which is put back if the run directory was made anew. One that cannot be written is ours alone. */
  read(): string {
    const path = join(this.#folder, SECRET_NAME)
    const ours = this.#known ?? randomSecret()
    this.#known = readSecret(path) ?? offer(path, ours) ?? ours
    return this.#known
  }
}

function randomSecret(): string {
  return crypto.getRandomValues(Buffer.alloc(SECRET_BYTES)).toString('base64url')
}

/** Writes it unless another process is quicker; returns the one that is there then. */
function offer(path: string, secret: string): string | undefined {
  const draft = `${path}-${process.pid}`
  try {
    writeOwnFile(draft, secret)
    linkSync(draft, path)
  } catch {
    // EEXIST: another process was quicker. ENOSPC, EACCES: there is none.
  } finally {
    rmSync(draft, { force: true })
  }
  return readSecret(path)
}

function readSecret(path: string): string | undefined {
  try {
    const fd = openOwnFile(path, constants.O_RDONLY)
    try {
      const text = readFileSync(fd, 'utf8')
      return SECRET.test(text) ? text : undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    // ENOENT
    return undefined
  }
}
