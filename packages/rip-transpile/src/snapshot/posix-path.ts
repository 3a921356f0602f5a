/** The functions of `node:path` that loading a snapshot needs; `node:path` itself costs each worker two megabytes. */

/** Ending of the file's name with its dot; empty for names without one, such as `.profile`. */
export function extensionOf(path: string): string {
  return /[^/](\.[^./]*)$/.exec(path)?.[1] ?? ''
}

/** Path of a file as seen from a folder above it; `undefined` when it is elsewhere. */
export function pathBelow(folder: string, path: string): string | undefined {
  const prefix = folder.endsWith('/') ? folder : `${folder}/`
  return path.startsWith(prefix) && path !== prefix ? path.slice(prefix.length) : undefined
}

/** Absolute path a file means by a path that begins with `/`, `./` or `../`. */
export function pathFrom(file: string, path: string): string {
  const folder = file.startsWith('/') ? file.slice(0, file.lastIndexOf('/')) : process.cwd()
  const parts: string[] = []
  for (const part of `${path.startsWith('/') ? '' : folder}/${path}`.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
