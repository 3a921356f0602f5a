import { basename } from 'node:path'
import { createManager } from './manager.ts'
import type { Manager, StopOptions } from '../contract/manager-api.ts'
import type { ManagerOptions } from '../contract/options.ts'
import { createSpawner, type SpawnerOptions } from '../process/spawner.ts'
import type { InstanceIdentity } from '../run-dir/locate.ts'
import { openRunDir } from '../run-dir/open-run-dir.ts'
import type { RunDir } from '../run-dir/run-dir.ts'
import { createWorkerLinks } from '../links/worker-links.ts'
import type { DrainReport, Router } from '../contract/router.ts'
import { createChangeDetector } from '../watch/change-detector.ts'
import { createContentTree } from '../watch/content-tree.ts'

/** What to supervise; every port that is not given is the real one. */
export interface SuperviseOptions extends Partial<ManagerOptions> {
  readonly root: string
  readonly command: ManagerOptions['command']
  /** Bring changes on disk into service by themselves. @default false */
  readonly watch?: boolean
  /** Where the output of the processes goes. @default this process's own, each line with its writer's name */
  readonly output?: SpawnerOptions
  /** Run directory. @default one for this root, in the user's runtime folder */
  readonly runDir?: string
}

/** An application with everything that its supervision owns. */
export interface SupervisedApp extends AsyncDisposable {
  readonly manager: Manager
  readonly runDir: RunDir
  /** Stops the application and removes the run directory. Idempotent. */
  close(options?: StopOptions): Promise<DrainReport>
}

/** For workers that are reached by their sockets alone: nothing is routed, so nothing is in flight. */
export const noRouter: Router = {
  prepare: async () => {},
  cut: async () => {},
  drain: async () => ({ abandoned: 0 }),
}

/**
 * A manager on real processes, files and sockets. Starts nothing before `manager.start()`.
 *
 * @throws ManagerError `OPTION_INVALID`, `ALREADY_RUNNING`, `RUN_DIR_UNSAFE` or `SOCKET_PATH_TOO_LONG`.
 */
export async function superviseApp(options: SuperviseOptions): Promise<SupervisedApp> {
  const { root, watch = false } = options
  await using owned = new AsyncDisposableStack()
  const runDir = owned.use(await openRunDir(identityOf(options)))
  const spawner = owned.use(createSpawner(options.output))
  const tree = createContentTree({ root })
  const manager = createManager({
    name: basename(root),
    spawner,
    tree,
    watcher: watch ? createChangeDetector({ tree }) : undefined,
    links: createWorkerLinks(runDir.linksPath),
    bus: { place: () => runDir.busPlace(), left: (pid) => runDir.leftBus(pid) },
    router: noRouter,
    socketPath: (slot, incarnation) => runDir.socketPath(slot, incarnation),
    ...options,
  })
  return new App(manager, runDir, owned.move())
}

function identityOf({ root, name, runDir }: SuperviseOptions): InstanceIdentity {
  return { root, ...(name !== undefined && { name }), ...(runDir !== undefined && { runDir }) }
}

class App implements SupervisedApp {
  readonly manager: Manager
  readonly runDir: RunDir
  readonly #owned: AsyncDisposableStack
  #closing: Promise<DrainReport> | undefined

  constructor(manager: Manager, runDir: RunDir, owned: AsyncDisposableStack) {
    this.manager = manager
    this.runDir = runDir
    this.#owned = owned
  }

  close(options: StopOptions = {}): Promise<DrainReport> {
    const stopped = this.manager.close(options)
    return (this.#closing ??= this.#close(stopped))
  }

  async #close(stopped: Promise<DrainReport>): Promise<DrainReport> {
    const report = await stopped
    await this.#owned.disposeAsync()
    return report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
