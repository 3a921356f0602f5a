import { statSync, watch, type FSWatcher } from 'node:fs'
import { dirname } from 'node:path'

export interface WatchFoldersOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal | undefined
  /** Something may have changed; what, is read from disk. Not called again before it has finished. */
  onWake(): Promise<void>
}

/** An editor's save is several events; they are answered once. */
const SETTLE_MS = 50

/**
 * Watches files and folders until the signal aborts.
 *
 * @throws What `onWake` throws.
 */
export async function watchFolders(paths: readonly string[], options: WatchFoldersOptions): Promise<void> {
  const { signal } = options
  let wake = Promise.withResolvers<void>()
  const end = () => wake.resolve()
  const watchers = paths.map((path) => watchPath(path, () => wake.resolve()))
  signal?.addEventListener('abort', end)
  try {
    // The first look finds what changed before the watchers stood.
    while (!signal?.aborted) {
      wake = Promise.withResolvers()
      await options.onWake()
      if (signal?.aborted) return
      await wake.promise
      await Bun.sleep(SETTLE_MS)
    }
  } finally {
    signal?.removeEventListener('abort', end)
    for (const watcher of watchers) watcher.close()
  }
}

/** Of a file the folder is watched: many editors replace a file instead of writing to it. */
function watchPath(path: string, onEvent: () => void): FSWatcher {
  const isFolder = statSync(path).isDirectory()
  return watch(isFolder ? path : dirname(path), { recursive: isFolder }, onEvent)
}
