/**
 * The shortest way by imports to a file, from an entry to the file itself; `undefined` when code does not import it. An
 * entry is its own way.
 */
export function importChain(
  importers: ReadonlyMap<string, ReadonlySet<string>>,
  entries: readonly string[],
  file: string,
): readonly string[] | undefined {
  const next = new Map([[file, undefined as string | undefined]])
  const queue = [file]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (entries.includes(at)) return wayFrom(at, next)
    for (const importer of importers.get(at) ?? []) {
      if (next.has(importer)) continue
      next.set(importer, at)
      queue.push(importer)
    }
  }
  return undefined
}

function wayFrom(entry: string, next: ReadonlyMap<string, string | undefined>): readonly string[] {
  const way: string[] = []
  for (let at: string | undefined = entry; at !== undefined; at = next.get(at)) way.push(at)
  return way
}
