import { KeptService, type KeptServiceHost } from './kept-service.ts'

export interface ServicesHost extends KeptServiceHost {
  /** Called when all services have begun to work, and when one no longer does. */
  onChange(online: boolean): void
}

/** Keeps the processes beside the workers alive. */
export class Services {
  readonly #host: ServicesHost
  readonly #kept: readonly KeptService[]
  #online = false

  constructor(host: ServicesHost) {
    this.#host = host
    this.#kept = host.options.services.map((service) => new KeptService(service, host, () => this.#report()))
  }

  /** Why one of them is not there, a sentence each. */
  get absences(): readonly string[] {
    return this.#kept.flatMap(({ absence }) => absence ?? [])
  }

  /** Resolves when all are ready. @throws ManagerError `SERVICE_FAILED` */
  async start(): Promise<void> {
    const started = Promise.all(this.#kept.map((service) => service.start()))
    this.#report()
    await started
  }

  #report(): void {
    const online = this.#kept.every((service) => service.online)
    if (online === this.#online) return
    this.#online = online
    this.#host.onChange(online)
  }

  /** Asks the router to finish what it has; resolves, when its processes are gone, with the requests it abandoned. */
  async leave(): Promise<number> {
    const isRouter = this.#kept.filter((service) => service.isRouter)
    const counts = await Promise.all(isRouter.map((service) => service.leave()))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  kill(): void {
    for (const service of this.#kept) service.kill()
  }

  async close(): Promise<void> {
    await Promise.all(this.#kept.map((service) => service.leave()))
  }
}
