import { lstatSync } from 'node:fs'
import { type Account, writeOwnFile } from '@rip/manager'

/** The configuration of a balancer, in a file that only the balancer can read. */
export class ConfigFile {
  readonly #path: string
  readonly #owner: Account | undefined
  #written: string | undefined

  /** @param owner whose file it is. @default ours */
  constructor(path: string, owner?: Account) {
    this.#path = path
    this.#owner = owner
  }

  /** @throws what writing throws, unless the file has this text since it was last written, as on a disk that is full */
  write(text: string): void {
    try {
      writeOwnFile(this.#path, text, this.#owner)
      this.#written = text
    } catch (error) {
      if (text !== this.#written || !isFile(this.#path)) throw error
    }
  }
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
