import { dlopen } from 'bun:ffi'

const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1

/**
 * Makes this process the parent of those below it whose own parents have ended, however far they went from its process
 * group (prctl(2), `PR_SET_CHILD_SUBREAPER`): so all of them are found. Linux only.
 */
export class AdoptedProcesses {
  readonly #library: CLibrary | undefined = process.platform === 'linux' ? load() : undefined

  constructor() {
    this.#library?.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
  }

  /** Buries a process that has ended, and that the runtime does not know as its child. */
  bury(pid: number): void {
    this.#library?.waitpid(pid, null, WNOHANG)
  }
}

type CLibrary = ReturnType<typeof open>

function open() {
  return dlopen('libc.so.6', {
    prctl: { args: ['int', 'u64', 'u64', 'u64', 'u64'], returns: 'int' },
    waitpid: { args: ['int', 'ptr', 'int'], returns: 'int' },
  }).symbols
}

/** Undefined where the library has another name, as with musl: there, a process that leaves its group is not found. */
function load(): CLibrary | undefined {
  try {
    return open()
  } catch {
    return undefined
  }
}
