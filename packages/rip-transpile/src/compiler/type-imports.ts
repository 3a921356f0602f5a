import type { Block, ImportName, Node, NodeOf } from './ast.ts'
import type { Scope } from './scope.ts'

/**
 * Marks imported names that occur in types and nowhere in the code: as in TypeScript, they are not imported at run
 * time. A name that is not used at all stays, because it may be more than a type.
 *
 * @returns The specifiers of modules that are imported for types alone.
 */
export function markTypeImports(tree: Block, root: Scope, types: readonly string[]): Set<string> {
  const imports = tree.body.filter((node): node is NodeOf<'Import'> => node.type === 'Import')
  if (types.length > 0 && imports.length > 0) markNames(imports.flatMap(namesOf), root, wordsOf(types))
  const loaded = new Set(tree.body.map(loadedModule))
  return new Set(imports.map((node) => node.from).filter((from) => !loaded.has(from)))
}

/** Whether all names of an import are types; an import without names runs its module. */
export function isTypeImport(node: NodeOf<'Import'>): boolean {
  const names = namesOf(node)
  return names.length > 0 && names.every((name) => name.isType)
}

function loadedModule(node: Node): string | undefined {
  if (node.type === 'Import') return isTypeImport(node) ? undefined : node.from
  return node.type === 'ExportNames' || node.type === 'ExportAll' ? node.from : undefined
}

function namesOf({ base, namespace, names = [] }: NodeOf<'Import'>): ImportName[] {
  return [base, namespace, ...names].filter((name) => name !== undefined)
}

function markNames(names: readonly ImportName[], root: Scope, typeWords: ReadonlySet<string>): void {
  const used = new Set<string>()
  collectMentions(root, used)
  for (const name of names) if (typeWords.has(name.local) && !used.has(name.local)) name.isType = true
}

function wordsOf(types: readonly string[]): Set<string> {
  return new Set(types.flatMap((text) => text.match(/[A-Za-z_$][\w$]*/g) ?? []))
}

function collectMentions(scope: Scope, into: Set<string>): void {
  for (const { name } of scope.mentions) into.add(name)
  for (const child of scope.children) collectMentions(child, into)
}
