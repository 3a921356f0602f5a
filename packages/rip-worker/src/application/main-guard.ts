/**
 * What an application does only as the main module: `run` in this process, `spared` because it exports a handler by its
 * name, or something else under that name. Determined only after a failure, because that takes reading the file.
 */
export type MainGuard = 'run' | 'spared'

/** Undefined when the file asks for neither `import.meta.main` nor `require.main`, or cannot be read. */
export function mainGuardOf(file: string): MainGuard | undefined {
  if (!/\b(?:import\.meta|require)\.main\b/.test(textOf(file))) return undefined
  return Bun.main === realPath(file) ? 'run' : 'spared'
}

/** Whether the file imports `node:cluster`. Asked by every worker, hence without `node:fs` and its megabytes. */
export async function mentionsCluster(file: string): Promise<boolean> {
  // ENOENT
  const code = await Bun.file(file)
    .text()
    .catch(() => '')
  return /['"](?:node:)?cluster['"]/.test(code)
}

function realPath(file: string): string {
  try {
    return process.getBuiltinModule('node:fs').realpathSync(file)
  } catch {
    // ENOENT, where a snapshot outlives it.
    return file
  }
}

/** Reads from disk, where the file may be newer than in the snapshot: nothing more than a message depends on it. */
function textOf(file: string): string {
  try {
    return process.getBuiltinModule('node:fs').readFileSync(file, 'utf8')
  } catch {
    // ENOENT
    return ''
  }
}
