/** The `PATH` without the folder in which `bun run` calls itself `node`, for what is to run under Node.js itself. */
export function pathToRealNode(): string {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.filter((folder) => !folder.includes('/bun-node-')).join(':')
}
