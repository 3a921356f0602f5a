import type { Manager } from '@rip/manager'
import { Editor } from './editor.ts'
import { LiveServer } from './live-server.ts'
import { LiveState } from './live-state.ts'
import { ProblemTexts } from './problem.ts'

export interface LiveOptions {
  readonly manager: Pick<Manager, 'on' | 'status'>
  /** Folder of the application. */
  readonly root: string
  /** Path of the socket on which the pages are answered. */
  readonly socket: string
  /** See {@link Editor}. */
  readonly editor: string | undefined
}

/** Keeps the pages that are open in browsers up to date, in development. */
export function openLive({ manager, root, socket, editor: template }: LiveOptions): AsyncDisposable {
  const editor = new Editor(template)
  const state = new LiveState({
    manager,
    texts: new ProblemTexts(root, editor),
    tell: (message) => server.tell(message),
  })
  const server = new LiveServer({ socket, message: () => state.message, editor })
  const stopping = manager.on('stopping', () => server.endStreams())
  return {
    async [Symbol.asyncDispose]() {
      stopping[Symbol.dispose]()
      state[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
