import { dirname } from 'node:path'
import type { ContentAccount } from '../contract/content-account.ts'
import { ManagerError } from '../contract/errors.ts'
import type {
  Finding,
  Look,
  ReloadOptions,
  ReloadResult,
  RestartOptions,
  RollbackOptions,
  StopOptions,
} from '../contract/manager-api.ts'
import type { DrainReport } from '../contract/router.ts'
import type { ManagerEvent } from '../contract/events.ts'
import type { RequestsStatus } from '../contract/requests.ts'
import type { ManagerStatus } from '../contract/status.ts'
import { isListening } from '../socket/listening.ts'
import {
  type BalancerIntroduction,
  BYTES_HEADER,
  CONTROL_VERSION,
  type ControlFailure,
  type HandOverResult,
  type JoinNotice,
  VERSION_HEADER,
} from './protocol.ts'

const GONE_POLL_MS = 10

interface Waiting {
  /** Ends the waiting, not the command. */
  readonly signal?: AbortSignal
}

export interface EventsOptions extends Waiting {
  /** Events after this number, as far as they are kept; 0 for all of them. @default from now on */
  readonly since?: number
  /** Goes on with events as they happen. @default true */
  readonly follow?: boolean
}

/**
 * Gives commands to a running instance over its control socket. Every method throws `ManagerError`:
 * `NOT_RUNNING` when no instance listens, `CONTROL_VERSION` when the instance is of another release,
 * `CONTROL_REFUSED` when it does not do what was asked.
 */
export class ControlClient {
  readonly #path: string

  /** @param path of the control socket, see `Instance.control` */
  constructor(path: string) {
    this.#path = path
  }

  async status(options: Waiting = {}): Promise<ManagerStatus> {
    const status = await this.#ask<ManagerStatus>('GET', '/status', undefined, options)
    // A manager of an older release knows of none.
    return { ...status, background: status.background ?? [] }
  }

  /** What the balancers know of requests. */
  requests(options: Waiting = {}): Promise<RequestsStatus> {
    return this.#ask<RequestsStatus>('GET', '/requests', undefined, options)
  }

  /** Whether a file counts as content of the application, and why. @param path absolute */
  content(path: string, options: Waiting = {}): Promise<ContentAccount> {
    return this.#ask<ContentAccount>('GET', `/content?file=${encodeURIComponent(path)}`, undefined, options)
  }

  /** Has a process of the application look at itself. */
  async inspect(pid: number, look: Look, options: Waiting = {}): Promise<Finding> {
    const response = await this.#send('POST', '/inspect', { pid, ...look }, options)
    if (!response.ok || response.body === null) throw await refusal(response)
    const bytes = Number(response.headers.get(BYTES_HEADER))
    return { bytes, parts: wholeBody(response.body, bytes, pid) }
  }

  reload(options: ReloadOptions = {}): Promise<ReloadResult> {
    return this.#change('/reload', options)
  }

  restart(options: RestartOptions = {}): Promise<ReloadResult> {
    return this.#change('/restart', options)
  }

  rollback(options: RollbackOptions = {}): Promise<ReloadResult> {
    return this.#change('/rollback', options)
  }

  async hold(options: Waiting = {}): Promise<void> {
    await this.#ask('POST', '/hold', undefined, options)
  }

  async resume(options: Waiting = {}): Promise<void> {
    await this.#ask('POST', '/resume', undefined, options)
  }

  /** Resolves when so many workers are ready. */
  async scale(workers: number, options: Waiting = {}): Promise<void> {
    await this.#ask('POST', '/scale', { workers }, options)
  }

  /** Lets a new process, with the program as it is on disk, take the place of the one that runs. */
  async handOver(options: Waiting = {}): Promise<HandOverResult> {
    const response = await this.#send('POST', '/hand-over', undefined, options)
    if (!response.ok && response.status !== 409) throw await refusal(response)
    return (await response.json()) as HandOverResult
  }

  /** Resolves when the instance has stopped and its control socket is gone. */
  async stop(options: StopOptions & Waiting = {}): Promise<DrainReport> {
    const report = await this.#ask<DrainReport>('POST', '/stop', { now: options.now ?? false }, options)
    while (await isListening(this.#path)) {
      options.signal?.throwIfAborted()
      await Bun.sleep(GONE_POLL_MS)
    }
    return report
  }

  /** What happens, in order, until the signal aborts or the instance stops. */
  events(options: EventsOptions = {}): AsyncGenerator<ManagerEvent> {
    return this.#follow<ManagerEvent>('GET', `/events?${eventsQuery(options)}`, undefined, options)
  }

  /** Balancers that have joined. */
  async balancers(options: Waiting = {}): Promise<readonly BalancerIntroduction[]> {
    type Answer = { readonly balancers: readonly BalancerIntroduction[] }
    return (await this.#ask<Answer>('GET', '/balancers', undefined, options)).balancers
  }

  /** Joins a balancer: the instance sends it orders, and yields notices, until the signal aborts or the instance stops. */
  join(balancer: BalancerIntroduction, options: Waiting = {}): AsyncGenerator<JoinNotice> {
    return this.#follow<JoinNotice>('POST', '/join', balancer, options)
  }

  async *#follow<T>(
    method: string,
    path: string,
    body: object | undefined,
    options: Waiting,
  ): AsyncGenerator<T> {
    try {
      const response = await this.#send(method, path, body, options)
      if (!response.ok || response.body === null) throw await refusal(response)
      yield* linesIn<T>(response.body)
    } catch (error) {
      if (options.signal?.aborted === true) return
      if (error instanceof ManagerError) throw error
      // The instance was killed before it could end the stream.
      throw new ManagerError('NOT_RUNNING', { runDir: dirname(this.#path) }, { cause: error })
    }
  }

  /** A refused candidate is an answer. */
  async #change(path: string, { signal, ...body }: ReloadOptions): Promise<ReloadResult> {
    const response = await this.#send('POST', path, body, signal === undefined ? {} : { signal })
    if (!response.ok && response.status !== 409) throw await refusal(response)
    return (await response.json()) as ReloadResult
  }

  async #ask<T>(method: string, path: string, body: object | undefined, options: Waiting): Promise<T> {
    const response = await this.#send(method, path, body, options)
    if (!response.ok) throw await refusal(response)
    // The version was checked: the instance sends what this release declares.
    return (await response.json()) as T
  }

  async #send(
    method: string,
    path: string,
    body: object | undefined,
    { signal }: Waiting,
  ): Promise<Response> {
    const response = await this.#fetch(path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    })
    const theirs = Number(response.headers.get(VERSION_HEADER))
    if (theirs === CONTROL_VERSION) return response
    throw new ManagerError('CONTROL_VERSION', { theirs, ours: CONTROL_VERSION })
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`http://localhost${path}`, {
        ...init,
        unix: this.#path,
        timeout: false,
        proxy: false,
      } as BunFetchRequestInit)
    } catch (error) {
      if (init.signal?.aborted === true) throw error
      throw new ManagerError('NOT_RUNNING', { runDir: dirname(this.#path) }, { cause: error })
    }
  }
}

function eventsQuery({ since, follow }: EventsOptions): string {
  const query = new URLSearchParams()
  if (since !== undefined) query.set('since', String(since))
  if (follow === false) query.set('follow', '0')
  return query.toString()
}

/** @throws ManagerError `NOT_INSPECTED` when it is cut off */
async function* wholeBody(
  body: ReadableStream<Uint8Array>,
  bytes: number,
  pid: number,
): AsyncGenerator<Uint8Array> {
  let got = 0
  for await (const part of body) {
    got += part.byteLength
    yield part
  }
  if (got !== bytes) throw new ManagerError('NOT_INSPECTED', { pid, reason: 'what it found was cut off' })
}

async function* linesIn<T>(body: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line) as T
  }
}

async function refusal(response: Response): Promise<ManagerError> {
  const { status } = response
  const text = await response.text()
  const { code: reason, message } = failureIn(text) ?? { code: undefined, message: text }
  return new ManagerError('CONTROL_REFUSED', { status, reason, message })
}

function failureIn(text: string): ControlFailure['error'] | undefined {
  try {
    return (JSON.parse(text) as ControlFailure).error
  } catch {
    // Not one of ours.
    return undefined
  }
}
