import type { ProcessSpec } from '../contract/ports.ts'
import { runtimeFiles } from './runtime-files.ts'
import type { SupervisedChild } from './supervised-child.ts'

/** How long after a start the process for the next one is started: what was started boots meanwhile. */
const STANDBY_DELAY_MS = 500

/**
 * Keeps one process of a command started ahead of need, without the variables that are only known then. One that
 * was started from another command, environment or state of the files the runtime reads at its start is of no use.
 */
export class Standby {
  readonly #start: (spec: ProcessSpec) => SupervisedChild
  #ready: { readonly child: SupervisedChild; readonly origin: string } | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(start: (spec: ProcessSpec) => SupervisedChild) {
    this.#start = start
  }

  /** The process that stands by, now with the rest of its environment; `undefined` when there is none that fits. */
  take(spec: ProcessSpec): SupervisedChild | undefined {
    const ready = this.#ready
    this.#ready = undefined
    this.#prepareNext(spec)
    if (ready === undefined || ready.child.hasEnded) return undefined
    if (ready.origin !== originOf(spec)) {
      ready.child.signal('SIGKILL')
      return undefined
    }
    const late = (spec.lateVariables ?? []).filter((name) => spec.env[name] !== undefined)
    ready.child.adopt(spec, Object.fromEntries(late.map((name) => [name, spec.env[name]!])))
    return ready.child
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#ready = undefined
  }

  #prepareNext(spec: ProcessSpec): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.prepare(spec), STANDBY_DELAY_MS)
    this.#timer.unref()
  }

  /** Starts the process that stands by. */
  prepare(spec: ProcessSpec): void {
    const { worker: _worker, ...common } = spec
    const env = { ...earlyEnv(spec), RIP_STANDBY: '1' }
    const origin = originOf(spec)
    try {
      this.#ready = { child: this.#start({ ...common, name: 'standby', env }), origin }
    } catch {
      // SPAWN_FAILED, as in a folder that is gone: the caller who really needs a process gets the error.
    }
  }
}

function earlyEnv({ env, lateVariables = [] }: ProcessSpec): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !lateVariables.includes(name)))
}

function originOf(spec: ProcessSpec): string {
  return JSON.stringify([spec.command, spec.cwd, earlyEnv(spec), runtimeFiles(spec.cwd)])
}
