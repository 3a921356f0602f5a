import { createHash } from 'node:crypto'
import type { Clock, Tree, TreeState, Watcher } from '../contract/ports.ts'

/** An application on a disk that exists in memory only. */
export interface FakeFiles {
  readonly tree: Tree
  readonly watcher: Watcher
  /** Changes a file and wakes the watcher. */
  write(path: string, content: string): void
  /** Changes a file without waking the watcher. */
  writeUnseen(path: string, content: string): void
  /** The generation that is on disk now. */
  readonly generation: string
}

export function fakeFiles(clock: Clock, initial: Readonly<Record<string, string>>): FakeFiles {
  const contents = new Map(Object.entries(initial))
  let newestMs = clock.wallMs() - 60_000
  let wake = (): void => {}

  const read = (): TreeState => {
    const files = new Map([...contents].map(([path, content]) => [path, hash(content)]))
    const listing = [...files].map(([path, content]) => `${path} ${content}`).toSorted()
    return { generation: hash(listing.join('\n')).slice(0, 12), files, newestMs }
  }
  const writeUnseen = (path: string, content: string): void => {
    contents.set(path, content)
    newestMs = clock.wallMs()
  }

  return {
    tree: { read: async () => read() },
    watcher: {
      async start(_root, onChange) {
        wake = onChange
      },
      async close() {
        wake = () => {}
      },
    },
    write(path, content) {
      writeUnseen(path, content)
      wake()
    },
    writeUnseen,
    get generation() {
      return read().generation
    },
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
