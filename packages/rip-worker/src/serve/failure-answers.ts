import { isToLocalHost } from '../pages/local-host.ts'
import type { RequestHead } from '../pages/request-head.ts'
import { shortPage } from '../pages/short-page.ts'
import { answerFailure, describeFailure } from './failure.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import { printable } from './printable.ts'

/** Logs what fails, and answers in its place. */
export class FailureAnswers {
  readonly #options: Pick<ResolvedWorkerOptions, 'listen' | 'mode' | 'log'>
  /** Folder of the application, even if the application changes its working directory later. */
  readonly #root = process.cwd()

  constructor(options: Pick<ResolvedWorkerOptions, 'listen' | 'mode' | 'log'>) {
    this.#options = options
  }

  /** Answers a request that the application has failed to answer. @param id of the request */
  answer(error: unknown, request: RequestHead, id: string): Response | Promise<Response> {
    const { listen, mode, log } = this.#options
    log(`${request.method} ${printable(request.url)} failed (request ${id}):\n${describeFailure(error)}`)
    // Behind a balancer, all clients may see code; on a port of the worker's own, only those that address this machine.
    const mayShow = 'unix' in listen || isToLocalHost(request.url)
    return answerFailure({ error, request, id, root: this.#root }, mayShow ? mode : 'production')
  }

  /** Answers when a response could not be sent, and it is not known any more to which request. */
  unsent(error: unknown): Response {
    const id = crypto.randomUUID()
    this.#options.log(`a response could not be sent (request ${id}):\n${describeFailure(error)}`)
    return shortPage('text', id)
  }
}
