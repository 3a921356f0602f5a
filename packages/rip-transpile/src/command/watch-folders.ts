import { watch } from 'node:fs'

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
  const watchers = paths.map((path) => watch(path, { recursive: true }, () => wake.resolve()))
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
