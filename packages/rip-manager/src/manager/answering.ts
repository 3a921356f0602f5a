import type { Input } from '../machine/inputs.ts'

/** Tells the machine what came of work that takes time: a result, or an error that is none of the machine's making. */
export type Answer = <T>(work: Promise<T>, toInput: (result: T | Error) => Input) => void

/** Answers by these inputs. */
export function answering(deliver: (input: Input) => void): Answer {
  return (work, toInput) =>
    void work.then(
      (result) => deliver(toInput(result)),
      (error: unknown) => deliver(toInput(error instanceof Error ? error : new Error(String(error)))),
    )
}
