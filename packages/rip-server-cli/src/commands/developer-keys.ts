import type { OpenServer } from '@rip/server'
import { refusalMessage } from '@rip/server/text'
import { parseCommandLine } from '../command-line/command-line.ts'
import type { Invocation } from '../invocation.ts'
import { Keyboard } from '../terminal/keyboard.ts'
import { openPage } from '../terminal/open-page.ts'
import { type KeyActions, keysLine, pressKey } from './key-commands.ts'
import { status } from './status.ts'

const REASON = 'key r'

export interface DeveloperKeysOptions {
  readonly server: OpenServer
  readonly invocation: Invocation
  /** As Ctrl-C does. */
  readonly quit: () => void
}

/** What a developer does to a server by pressing keys in its terminal. */
export class DeveloperKeys implements Disposable, KeyActions {
  readonly #options: DeveloperKeysOptions
  readonly #keyboard: Keyboard | undefined

  constructor(options: DeveloperKeysOptions) {
    this.#options = options
    const { terminal } = options.invocation
    this.#keyboard = Keyboard.open((key) => pressKey(key, this, terminal))
  }

  /** The keys on one line; undefined while none are read. */
  get line(): string | undefined {
    return this.#keyboard?.isRead === true ? keysLine : undefined
  }

  reload(): void {
    const { server, invocation } = this.#options
    const { terminal } = invocation
    this.#attempt(async () => {
      const { lastRefusal: before } = server.manager.status
      const result = await server.reload({ reason: REASON })
      // What was refused before for the same reason is no event that is printed.
      if (!result.ok && before?.generation === result.refusal.generation)
        return terminal.say(`${terminal.bad('✗')} refused as before: ${refusalMessage(result.refusal)}`)
      if (!result.ok || !result.unchanged) return
      terminal.say('its workers are replaced by fresh ones')
      await server.manager.restart({ reason: REASON })
    })
  }

  open(): void {
    const { server, invocation } = this.#options
    this.#attempt(async () => {
      const { terminal, env } = invocation
      const { url } = server
      if (url === undefined || url.startsWith('unix:'))
        return terminal.say('there is no page to open: it listens on no port')
      const problem = await openPage(url, env)
      terminal.say(problem === undefined ? `opened ${url}` : `${url} is not opened: ${problem}`)
    })
  }

  log(): void {
    const { server, invocation } = this.#options
    this.#attempt(async () => {
      const prints = !server.printsRequests
      await server.printRequests(prints)
      invocation.terminal.say(
        prints
          ? 'each request is printed from now on; l again for no more'
          : 'requests are not printed any more',
      )
    })
  }

  clear(): void {
    const { server, invocation } = this.#options
    const { terminal } = invocation
    terminal.wipe?.()
    terminal.say(`${terminal.strong('rip-server')} ${server.url ?? ''}  ${terminal.faint('h for help')}`)
  }

  status(): void {
    const { server, invocation } = this.#options
    const line = parseCommandLine(['status', '--run-dir', server.runDir.path])
    this.#attempt(() => status({ ...invocation, line }))
  }

  quit(): void {
    this.#options.quit()
  }

  [Symbol.dispose](): void {
    this.#keyboard?.[Symbol.dispose]()
  }

  #attempt(action: () => Promise<unknown>): void {
    void action().catch((error: Error) => this.#options.invocation.terminal.complain(error.message))
  }
}
