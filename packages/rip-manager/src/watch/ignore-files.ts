import { join } from 'node:path'
import { readText } from '../system/read-text.ts'
import { ALWAYS_CONTENT, DEFAULT_IGNORE } from './bounds.ts'
import { type IgnoreRules, judge, parseIgnoreRules } from './ignore-rules.ts'

export interface IgnoreOptions {
  /** More patterns to ignore, in the notation of gitignore(5). */
  readonly ignore?: readonly string[]
  /** Files or folders, relative to the root, that are content although a rule ignores them. */
  readonly include?: readonly string[]
}

/** Decides which paths of an application are its content. `.gitignore` files are read as they are met. */
export class IgnoreFiles {
  readonly #defaults = parseIgnoreRules(DEFAULT_IGNORE)
  readonly #always = parseIgnoreRules(ALWAYS_CONTENT)
  readonly #extra: IgnoreRules
  readonly #included: readonly string[]
  readonly #byFolder = new Map<string, IgnoreRules>()
  readonly #parsed = new Map<string, IgnoreRules>()
  #root = ''

  constructor(options: IgnoreOptions) {
    this.#extra = parseIgnoreRules(options.ignore ?? [])
    this.#included = (options.include ?? []).map((path) => path.replace(/^\.\//, '').replace(/\/+$/, ''))
  }

  /** Begins a new look at the disk: `.gitignore` files may have changed. */
  refresh(root: string): void {
    this.#root = root
    this.#byFolder.clear()
  }

  /** The folder above is not ignored: a walk does not come here otherwise. */
  ignores(path: string, isDirectory: boolean): boolean {
    if (this.#included.some((included) => isWithin(path, included))) return false
    if (this.#leadsToIncluded(path)) return false
    return this.#judge(path, isDirectory) === 'ignored' || this.#isBesideIncluded(path)
  }

  #judge(path: string, isDirectory: boolean): 'ignored' | 'kept' | undefined {
    return (
      judge(this.#extra, path, isDirectory) ??
      judge(this.#always, path, isDirectory) ??
      this.#judgeByGit(path, isDirectory) ??
      judge(this.#defaults, path, isDirectory)
    )
  }

  #leadsToIncluded(path: string): boolean {
    return this.#included.some((included) => isWithin(included, path))
  }

  /** An ignored folder that is entered only for what is included below it. */
  #isBesideIncluded(path: string): boolean {
    for (let folder = parent(path); folder !== undefined && folder !== ''; folder = parent(folder)) {
      if (this.#leadsToIncluded(folder) && this.#judge(folder, true) === 'ignored') return true
    }
    return false
  }

  /** The file nearest to the path has the last word. A rule of git may ignore more than our defaults, never less. */
  #judgeByGit(path: string, isDirectory: boolean): 'ignored' | undefined {
    for (let folder = parent(path); folder !== undefined; folder = parent(folder)) {
      const verdict = judge(
        this.#rulesIn(folder),
        folder === '' ? path : path.slice(folder.length + 1),
        isDirectory,
      )
      if (verdict !== undefined) return verdict === 'ignored' ? verdict : undefined
    }
    return undefined
  }

  #rulesIn(folder: string): IgnoreRules {
    const known = this.#byFolder.get(folder)
    if (known !== undefined) return known
    const rules = this.#parse(readText(join(this.#root, folder, '.gitignore')) ?? '')
    this.#byFolder.set(folder, rules)
    return rules
  }

  #parse(text: string): IgnoreRules {
    const known = this.#parsed.get(text)
    if (known !== undefined) return known
    const rules = parseIgnoreRules(text.split('\n'))
    this.#parsed.set(text, rules)
    return rules
  }
}

function parent(path: string): string | undefined {
  if (path === '') return undefined
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
