import type { BootWrites, Manager } from '@rip/manager'
import type { ChildOutput } from '../output/child-output.ts'

export interface FollowProcessesOptions {
  readonly output: ChildOutput
  readonly bootWrites: BootWrites
}

/** Tells others of the beginning, the readiness and the end of each process that has the application's code. */
export function followProcesses(manager: Manager, { output, bootWrites }: FollowProcessesOptions): void {
  for (const type of ['worker-started', 'background-started'] as const)
    manager.on(type, ({ pid, atMs }) => bootWrites.started(pid, atMs))
  for (const type of ['worker-ready', 'background-working'] as const)
    manager.on(type, ({ pid, atMs }) => {
      output.ready(pid)
      bootWrites.settled(pid, atMs)
    })
  for (const type of ['worker-exited', 'background-exited'] as const)
    manager.on(type, ({ pid, atMs }) => {
      output.gone(pid)
      bootWrites.settled(pid, atMs)
    })
}
