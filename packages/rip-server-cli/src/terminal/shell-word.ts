/** A path as a shell has to get it. */
export function shellWord(path: string): string {
  const isPlain = /^[\w./@%+,:-]+$/.test(path) && !path.startsWith('-')
  return isPlain ? path : `'${path.replaceAll("'", "'\\''")}'`
}
