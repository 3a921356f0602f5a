/** A folder whose files are answered before the application, and where clients find them. */
export interface StaticFolder {
  /** What the paths of its files start with: `/`, or `/assets` without a slash at its end. */
  readonly at: string
  /** Absolute path. */
  readonly folder: string
  /** Paths that start with one of these name content that never changes, whatever the names of its files are. */
  readonly immutable?: readonly string[]
  /** Whether `/about/` finds `about/index.html`, and `/about` finds `about.html`. @default true */
  readonly pages?: boolean
}

/** The folder that `DIR` or `/PREFIX=DIR` names, which may still be relative; `undefined` if the text is neither. */
export function readStaticFolder(text: string): StaticFolder | undefined {
  if (!text.startsWith('/') || !text.includes('=')) return text === '' ? undefined : { at: '/', folder: text }
  const [prefix = '', folder = ''] = text.split(/=(.*)/s)
  const at = prefix === '/' ? prefix : prefix.replace(/\/$/, '')
  const isPath = at === '/' || /^(?:\/(?!\.)[\w.~!$&'()*+,;:@-]+)+$/.test(at)
  return isPath && folder !== '' ? { at, folder } : undefined
}

/** The text that {@link readStaticFolder} reads as this folder. */
export function staticFolderText({ at, folder }: StaticFolder): string {
  return at === '/' && !folder.includes('=') ? folder : `${at}=${folder}`
}
