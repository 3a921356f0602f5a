import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface TempProject extends Disposable {
  /** Real path of the folder. */
  readonly root: string
  write(files: Readonly<Record<string, string>>): void
  path(relative: string): string
}

/** A folder with files, removed when disposed. */
export function tempProject(files: Readonly<Record<string, string>> = {}): TempProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'rip-transpile-')))
  const project: TempProject = {
    root,
    path: (relative) => join(root, relative),
    write(more) {
      for (const [relative, text] of Object.entries(more)) writeFile(join(root, relative), text)
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
  project.write(files)
  return project
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
