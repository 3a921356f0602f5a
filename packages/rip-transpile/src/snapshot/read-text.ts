const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads a file that never changes, synchronously. Maps it, because `node:fs` costs each worker two megabytes, and
 * `Bun.file` is asynchronous, which `require` cannot wait for.
 *
 * @throws {Error} When it cannot be read, as `readFileSync` does.
 */
export function readText(path: string): string {
  try {
    return decoder.decode(Bun.mmap(path, { shared: false }))
  } catch {
    // EINVAL: nothing to map in an empty file. Some file systems map nothing at all.
    return process.getBuiltinModule('node:fs').readFileSync(path, 'utf8')
  }
}
