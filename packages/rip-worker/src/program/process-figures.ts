import type { WorkerVitals } from '../protocol.ts'
import type { CLibrary } from './c-library.ts'
import { DescriptorReserve } from './descriptor-reserve.ts'

/** The runtime gives its number alone. */
const EMFILE = 24

/** What this process takes of the machine. Never throws: the system may refuse to tell. */
export class ProcessFigures {
  #rssBytes = 0
  #reserve: DescriptorReserve | undefined

  /** From now on descriptors are counted, where that is possible, and some are held back. */
  reserveDescriptors(library: CLibrary): void {
    this.#reserve ??= DescriptorReserve.of(library)
  }

  /** The memory is that of the last time where it cannot be read. */
  take(): Pick<WorkerVitals, 'rssBytes' | 'freeDescriptors'> {
    const counted = this.#reserve?.free()
    const freeDescriptors = this.#readMemory() ? counted : 0
    return { rssBytes: this.#rssBytes, ...(freeDescriptors !== undefined && { freeDescriptors }) }
  }

  /** Gives away the descriptors that were held back. */
  releaseDescriptors(): void {
    this.#reserve?.release()
  }

  /** Whether something can be opened, with what was held back or given away; true where that is not known. */
  get canOpen(): boolean {
    return this.#reserve?.hasAny ?? true
  }

  /** Reading it takes a descriptor on Linux: false when there is none. */
  #readMemory(): boolean {
    try {
      this.#rssBytes = process.memoryUsage.rss()
      return true
    } catch (error) {
      return (error as { readonly errno?: unknown }).errno !== EMFILE
    }
  }
}
