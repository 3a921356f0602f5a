import type { WorkerMessage } from '@rip/worker/protocol'
import type { BuildResult, Comparison, ExitStatus, ResponseCounts, TreeState } from '../contract/ports.ts'
import type { GenerationId } from '../contract/router.ts'
import type { MachineConfig } from './machine-config.ts'

/** Number of an operator's command that waits for its outcome. */
export type CommandId = number

/** Everything that can happen to the machine: commands of operators, news of processes, ends of effects, time. */
export type Input =
  | { readonly type: 'start'; readonly command: CommandId }
  | {
      readonly type: 'reload'
      readonly command: CommandId
      readonly reason: string
      /** Also content that was condemned. */
      readonly force?: boolean
      /** Answered when the observation has ended. */
      readonly wait?: boolean
    }
  | {
      readonly type: 'restart'
      readonly command: CommandId
      readonly reason: string
      /** Name of the background program to restart. @default everything */
      readonly background?: string
    }
  | {
      readonly type: 'rollback'
      readonly command: CommandId
      readonly reason: string
      readonly force?: boolean
    }
  | { readonly type: 'scale'; readonly command: CommandId; readonly workers: number }
  | { readonly type: 'configure'; readonly config: MachineConfig }
  | { readonly type: 'hold' }
  | { readonly type: 'resume' }
  | { readonly type: 'cancel'; readonly command: CommandId }
  | { readonly type: 'stop'; readonly now: boolean; readonly delay: boolean }
  /** Something may have changed on disk; `tree` is what was just found there. */
  | { readonly type: 'wake'; readonly tree?: TreeState }
  | { readonly type: 'tree-read'; readonly token: number; readonly result: TreeState | Error }
  | { readonly type: 'built'; readonly token: number; readonly result: BuildResult | Error }
  /** The snapshot of the serving generation is there again, or cannot be made any more. */
  | { readonly type: 'restored'; readonly token: number; readonly error: Error | undefined }
  /** There is a copy of a good generation, or there can be none. */
  | { readonly type: 'kept'; readonly token: number; readonly error: Error | undefined }
  | { readonly type: 'verified'; readonly token: number; readonly reason: string | undefined }
  /** The router acknowledged, or did not. */
  | { readonly type: 'routed'; readonly token: number; readonly error: Error | undefined }
  /** Nothing of the generation is in flight at the router any more, or the drain was given up. */
  | { readonly type: 'drained'; readonly generation: GenerationId; readonly abandoned: number }
  /** No new connection can come. */
  | { readonly type: 'doors-closed' }
  | { readonly type: 'accepting-stopped' }
  /** The router has gone, and abandoned so many requests. */
  | { readonly type: 'router-left'; readonly abandoned: number }
  | { readonly type: 'observed'; readonly token: number; readonly counts: ObservedCounts | undefined }
  | { readonly type: 'compared'; readonly token: number; readonly comparison: Comparison | undefined }
  | { readonly type: 'message'; readonly pid: number; readonly message: WorkerMessage | null }
  /** The worker is about to be looked at, and may say nothing for so long. */
  | { readonly type: 'silence'; readonly pid: number; readonly forMs: number }
  /** The socket of a program without control messages accepts connections. */
  | { readonly type: 'accepting'; readonly pid: number }
  | { readonly type: 'exited'; readonly pid: number; readonly status: ExitStatus; readonly stderr: string }
  /** The router is there (again, and knows nothing), or gone. */
  | { readonly type: 'services'; readonly online: boolean }
  /** From now on workers may be active. */
  | { readonly type: 'activate' }
  /** What works in the background of an earlier manager has gone. */
  | { readonly type: 'background-free' }
  | { readonly type: 'tick' }

export interface ObservedCounts {
  readonly serving: ResponseCounts
  readonly previous: ResponseCounts
}
