const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Content of a file that nobody changes, at once. Mapped, since `node:fs` costs each worker two megabytes and
 * `Bun.file` cannot answer a `require`.
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
