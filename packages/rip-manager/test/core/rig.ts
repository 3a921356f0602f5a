import { createManager } from '../../src/manager/manager.ts'
import type { Manager } from '../../src/contract/manager-api.ts'
import type { ManagerOptions } from '../../src/contract/options.ts'
import type { ManagerEvent } from '../../src/contract/events.ts'
import {
  fakeClock,
  type FakeClock,
  fakeFiles,
  type FakeFiles,
  type FakeProcesses,
  fakeProcesses,
  fakeRouter,
  type FakeRouter,
} from '../../src/testing.ts'

/** A manager in a simulated world. */
export interface Rig extends AsyncDisposable {
  readonly manager: Manager
  readonly clock: FakeClock
  readonly files: FakeFiles
  readonly processes: FakeProcesses
  readonly router: FakeRouter
  /** Paths of sockets that were removed. */
  readonly lostSockets: Set<string>
  readonly events: readonly ManagerEvent[]
  /** Advances time until the promise has settled. */
  during<T>(work: Promise<T>): Promise<T>
  /** Slots of processes to which requests may go now. */
  routed(): readonly string[]
}

export function createRig(options: Partial<ManagerOptions> = {}): Rig {
  const clock = fakeClock()
  const files = fakeFiles(clock, { 'app.ts': 'v1' })
  const processes = fakeProcesses(clock)
  const router = fakeRouter()
  const lostSockets = new Set<string>()
  const manager = createManager({
    root: '/srv/app',
    name: 'test',
    command: { argv: ['worker'] },
    workers: 2,
    env: () => ({}),
    clock,
    random: () => 0.5,
    spawner: processes.spawner,
    watcher: files.watcher,
    tree: files.tree,
    links: processes.links,
    router,
    socketPath: (slot, incarnation) => `/run/w${slot}.${incarnation}.sock`,
    memory: () => undefined,
    hasSocket: (path) => !lostSockets.has(path),
    ...options,
  })
  const events: ManagerEvent[] = []
  const record = async (): Promise<void> => {
    for await (const event of manager.events()) events.push(event)
  }
  void record()

  const during = async <T>(work: Promise<T>): Promise<T> => {
    let done = false
    const mark = (): void => {
      done = true
    }
    work.then(mark, mark)
    for (let turn = 0; turn < 2_000 && !done; turn += 1) await clock.advance(50)
    if (!done) throw new Error('nothing came of it within 100 s')
    return work
  }

  return {
    manager,
    clock,
    files,
    processes,
    router,
    lostSockets,
    events,
    during,
    routed: () => router.rotation.map(({ id }) => id),
    async [Symbol.asyncDispose]() {
      await during(manager.close({ now: true }))
    },
  }
}

export async function startedRig(options: Partial<ManagerOptions> = {}): Promise<Rig> {
  const rig = createRig(options)
  await rig.during(rig.manager.start())
  return rig
}
