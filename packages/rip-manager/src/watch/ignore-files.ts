import { join } from 'node:path'
import { readText } from '../system/read-text.ts'
import { ALWAYS_CONTENT, DEFAULT_IGNORE } from './bounds.ts'
import { RULE_ORIGINS } from '../contract/content-account.ts'
import { decidingRule, type IgnoreRules, judge, parseIgnoreRules } from './ignore-rules.ts'

export interface IgnoreOptions {
  /** More patterns to ignore, in the notation of gitignore(5). */
  readonly ignore?: readonly string[]
  /** Files or folders, relative to the root, that are content although a rule ignores them. */
  readonly include?: readonly string[]
}

/** A rule that ignores something. */
export interface RuleAgainst {
  readonly rule: string
  /** The file it stands in, relative to the root, or whose it is. */
  readonly from: string
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

  /** The rule that ignores a path, and where it stands; `undefined` for a path that is not ignored. */
  ruleAgainst(path: string, isDirectory: boolean): RuleAgainst | undefined {
    if (!this.ignores(path, isDirectory)) return undefined
    const own = this.#ruleFor(path, isDirectory)
    if (own !== undefined) return own
    // Ignored with a folder above it, which is entered only for something else.
    for (let folder = parent(path); folder !== undefined && folder !== ''; folder = parent(folder)) {
      const rule = this.#ruleFor(folder, true)
      if (rule !== undefined) return rule
    }
    return undefined
  }

  /** In the order in which they are asked. */
  #ruleFor(path: string, isDirectory: boolean): RuleAgainst | undefined {
    const sources: (readonly [from: string, rules: IgnoreRules, path: string])[] = [
      [RULE_ORIGINS.server, this.#extra, path],
    ]
    for (let folder = parent(path); folder !== undefined; folder = parent(folder))
      sources.push([
        join(folder, '.gitignore'),
        this.#rulesIn(folder),
        folder === '' ? path : path.slice(folder.length + 1),
      ])
    sources.push([RULE_ORIGINS.program, this.#defaults, path])
    for (const [from, rules, relative] of sources) {
      const rule = decidingRule(rules, relative, isDirectory)
      if (rule?.negated === false) return { rule: rule.text, from }
    }
    return undefined
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
