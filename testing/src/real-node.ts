/**
 * The `PATH` without the folder in which `bun run` provides a `node` of its own, for programs that need the real
 * Node.js.
 */
export function pathToRealNode(): string {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.filter((folder) => !folder.includes('/bun-node-')).join(':')
}
