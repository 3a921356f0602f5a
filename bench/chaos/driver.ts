/** A server under test, with the operations that the scenarios need. One instance is one running server. */
export interface Driver extends AsyncDisposable {
  readonly name: string
  readonly port: number
  /** Resolves when the application answers. */
  start(): Promise<void>
  /** The process to kill in the scenario in which the manager dies. */
  managerPid(): number
  /** Processes that run the application. */
  workerPids(): number[]
  /** Writes a release to disk: a good one with this version, or one that does not compile. */
  deploy(release: { readonly version: string } | 'broken'): Promise<void>
  /** Makes the server load the code on disk; resolves with the exit code of its command. */
  reload(): Promise<number>
  /** Starts the manager again after it was killed, as an init system would. */
  restartManager(): Promise<void>
}

export interface DriverOptions {
  readonly port: number
  readonly workers: number
  /** What rip-server's balancer speaks to the workers. @default its own */
  readonly workerProtocol?: string | undefined
  /** An empty folder of its own. */
  readonly folder: string
}

export type DriverFactory = (options: DriverOptions) => Driver
