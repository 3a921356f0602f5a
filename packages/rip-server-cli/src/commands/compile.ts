import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { CompileError, type CompileResult, selectAdapter } from '@rip/transpile'
import { CliError } from '../errors.ts'
import { ExitCode } from '../exit-code.ts'
import { flagValue, type Invocation, isOn } from '../invocation.ts'

/** Compiles a file or all `.rip` files of a folder: to stdout, or into the folder of `--out`. */
export async function compile(invocation: Invocation): Promise<number> {
  const source = resolve(invocation.cwd, invocation.line.words[0]!)
  const out = flagValue(invocation, 'out')
  const files = await ripFiles(source)
  if (out === undefined && files.length > 1) {
    const problem = `${source} has ${files.length} files; say where they go with --out FOLDER`
    throw new CliError('USAGE', { problems: [problem], help: 'rip-server compile --help' })
  }
  const root = files[0] === source ? dirname(source) : source
  for (const file of files) {
    const result = await compileFile(file, { invocation, inlineMap: out === undefined })
    if (out === undefined) invocation.terminal.data(result.code.trimEnd())
    else await writeResult(result, join(resolve(invocation.cwd, out), relative(root, file)), invocation)
  }
  return ExitCode.done
}

/** The file itself, or every `.rip` file below the folder that is no dependency. */
async function ripFiles(path: string): Promise<string[]> {
  const stats = await stat(path).catch((error: Error) => {
    throw new CliError('APP_NOT_FOUND', { path, reason: 'there is no such file or folder' }, { cause: error })
  })
  if (!stats.isDirectory()) return [path]
  const found = await Array.fromAsync(new Bun.Glob('**/*.rip').scan({ cwd: path }))
  const own = found.filter((file) => !file.split('/').includes('node_modules'))
  if (own.length > 0) return own.toSorted().map((file) => join(path, file))
  throw new CliError('APP_NOT_FOUND', { path, reason: 'there is no .rip file in it' })
}

interface CompileFileOptions {
  readonly invocation: Invocation
  readonly inlineMap: boolean
}

async function compileFile(
  file: string,
  { invocation, inlineMap }: CompileFileOptions,
): Promise<CompileResult> {
  const source = await readFile(file, 'utf8')
  const sourceMap = isOn(invocation, 'map') && (inlineMap ? 'inline' : true)
  const filename = relative(invocation.cwd, file)
  try {
    return await selectAdapter().compile(source, { filename, sourceMap })
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    throw new CliError('APP_BROKEN', { message: error.message, frame: '' }, { cause: error })
  }
}

async function writeResult(
  { code, map, dts }: CompileResult,
  target: string,
  { terminal }: Invocation,
): Promise<void> {
  const path = target.replace(/\.rip$/, '')
  await mkdir(dirname(path), { recursive: true })
  const link = map === undefined ? '' : `\n//# sourceMappingURL=${basename(path)}.js.map\n`
  await writeFile(`${path}.js`, code + link)
  if (map !== undefined) await writeFile(`${path}.js.map`, JSON.stringify(map))
  if (dts !== undefined) await writeFile(`${path}.d.ts`, dts)
  terminal.say(`${path}.js`)
}
