/**
 * Code whose imports lead to the same files as when it was kept: a name that now means another file, or none, is
 * replaced by the path. As long as nothing around it has changed, the code is not changed either.
 */
export function withExactImports(
  code: string,
  path: string,
  imports: Readonly<Record<string, string | null>> | undefined,
): string {
  if (imports === undefined) return code
  let exact = code
  for (const [specifier, target] of Object.entries(imports)) {
    if (target !== null && !leadsTo(specifier, path, target))
      exact = replaceSpecifier(exact, specifier, target)
  }
  return exact
}

/** Whether a specifier still means the file. */
export function leadsTo(specifier: string, importer: string, target: string): boolean {
  // Checked first, because without any `node_modules` Bun would look for a package on the network.
  if (!exists(target)) return false
  const folder = importer.slice(0, importer.lastIndexOf('/'))
  try {
    if (Bun.resolveSync(specifier, folder) === target) return true
  } catch {
    // ENOENT, or a name that only `require` resolves.
  }
  try {
    return process.getBuiltinModule('node:module').createRequire(importer).resolve(specifier) === target
  } catch {
    return false
  }
}

/** `node:fs` costs each worker two megabytes, and hardly any module is empty. */
function exists(path: string): boolean {
  return Bun.file(path).size > 0 || process.getBuiltinModule('node:fs').existsSync(path)
}

function replaceSpecifier(code: string, specifier: string, target: string): string {
  const place = new RegExp(
    `((?:\\bfrom|\\bimport|\\brequire|\\bresolve|\\bURL|\\bWorker)\\s*\\(?\\s*)(['"\`])${RegExp.escape(specifier)}\\2`,
    'g',
  )
  return code.replace(place, (_, before: string) => before + JSON.stringify(target))
}
