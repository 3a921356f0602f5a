/** How Bun reads a file that is imported for its data, by ending. */
const BY_ENDING = {
  '.txt': 'text',
  '.toml': 'toml',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.jsonc': 'jsonc',
  '.json5': 'json5',
} as const

export type DataLoader = 'json' | (typeof BY_ENDING)[keyof typeof BY_ENDING]

const LOADERS: ReadonlySet<string> = new Set(['json', ...Object.values(BY_ENDING)])

/**
 * The loader of a file that holds data; `undefined` for code, and for files that are imported by their path, such as
 * images.
 *
 * @param type what the import says, as in `with { type: 'text' }`
 */
export function dataLoader(extension: string, type?: string): DataLoader | undefined {
  if (type === undefined) return BY_ENDING[extension as keyof typeof BY_ENDING]
  return LOADERS.has(type) ? (type as DataLoader) : undefined
}
