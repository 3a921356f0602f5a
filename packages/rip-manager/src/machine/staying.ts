import type { ReloadResult } from '../contract/manager-api.ts'
import type { CommandId } from './inputs.ts'

type Served = Extract<ReloadResult, { readonly ok: true }>

/** Commands that are answered when the observation of what they brought into service has ended. */
export class Staying {
  readonly #asked = new Set<CommandId>()
  #held: { readonly command: CommandId; readonly result: Served }[] = []

  get areHeld(): boolean {
    return this.#held.length > 0
  }

  ask(command: CommandId): void {
    this.#asked.add(command)
  }

  /** The command was answered, or its caller does not wait any more. */
  forget(command: CommandId): void {
    this.#asked.delete(command)
    this.#held = this.#held.filter((held) => held.command !== command)
  }

  /** What they brought serves and is observed. Returns those that do not stay. */
  hold(commands: readonly CommandId[], result: Served): readonly CommandId[] {
    const staying = commands.filter((command) => this.#asked.has(command))
    this.#held.push(...staying.map((command) => ({ command, result })))
    return commands.filter((command) => !this.#asked.has(command))
  }

  /** Those that were held, each with the result it had at the cut. None is held any more. */
  release(): readonly { readonly command: CommandId; readonly result: Served }[] {
    return this.#held.splice(0)
  }
}
