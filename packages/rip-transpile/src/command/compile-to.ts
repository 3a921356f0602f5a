import { existsSync, readFileSync } from 'node:fs'
import { basename, relative, resolve } from 'node:path'
import type { Adapter, CompileOptions, CompileResult, Dialect, RuntimeDelivery } from '../adapter.ts'
import { CompileError } from '../compile-error.ts'
import { selectAdapter } from '../select-adapter.ts'
import { findSources } from './find-sources.ts'
import type { Source } from './find-sources.ts'
import { removeOutput, writeOutput } from './output.ts'
import { linkRuntimeFile, runtimesOf, writeRuntime } from './runtime-file.ts'
import type { RuntimeFile } from './runtime-file.ts'
import { watchFolders } from './watch-folders.ts'

export interface CompileToOptions {
  /** Files and folders; `-` reads standard input. */
  readonly inputs: readonly string[]
  /**
   * Folder the results are written to, laid out like the inputs. Without it one result goes to {@link CompileIo.out}.
   */
  readonly outDir?: string
  /** A map beside each file, or within the code when there is no file. @default false */
  readonly maps?: boolean
  /** A `.d.ts` beside each file, from compilers that make one. @default false */
  readonly dts?: boolean
  /** Goes on compiling what changes until the signal aborts; needs `outDir`. @default false */
  readonly watch?: boolean
  readonly signal?: AbortSignal
  /** Compiler, by name. @default the one the project chose */
  readonly adapter?: string
  /**
   * Where results find the language's runtime. @default in a file of `outDir` that they share, or without such
   * a folder within the code
   */
  readonly runtime?: RuntimeDelivery
  readonly dialect?: Dialect
  /** Folder that relative inputs are meant from. @default the working directory */
  readonly cwd?: string
}

/** Where the command reads from and writes to. */
export interface CompileIo {
  readStdin(): Promise<string>
  /** Takes code. */
  out(text: string): void
  /** Called for each file written, and each output removed because its source is gone. */
  report(event: CompileEvent): void
}

export type CompileEvent =
  | { readonly type: 'written'; readonly source: string; readonly path: string }
  | { readonly type: 'removed'; readonly source: string; readonly path: string }
  | { readonly type: 'failed'; readonly source: string; readonly error: CompileError }

export interface CompileToResult {
  readonly compiled: number
  readonly failed: number
}

/**
 * Compiles files to files or to a stream. Source that does not compile is reported and does not stop the
 * others.
 *
 * @throws {Error} When an input does not exist or is no source, or results have nowhere to go.
 */
export async function compileTo(options: CompileToOptions, io: CompileIo): Promise<CompileToResult> {
  const command = new CompileCommand(options, io)
  await command.compileAll()
  if (options.watch) await command.watch()
  return command.result
}

class CompileCommand {
  readonly #options: CompileToOptions
  readonly #io: CompileIo
  readonly #cwd: string
  /** Source text compiled last, by path: events of a watcher only mean "look". */
  readonly #compiled = new Map<string, { readonly source: Source; readonly text: string }>()
  readonly #failed = new Set<string>()
  readonly #wroteRuntimes = new Set<RuntimeFile>()

  constructor(options: CompileToOptions, io: CompileIo) {
    this.#options = options
    this.#io = io
    this.#cwd = resolve(options.cwd ?? '.')
  }

  get result(): CompileToResult {
    return { compiled: this.#compiled.size - this.#failed.size, failed: this.#failed.size }
  }

  async compileAll(): Promise<void> {
    const { inputs, outDir } = this.#options
    const sources = this.#sources(inputs)
    if (sources.length === 0) throw new Error(`there is no .rip file below ${inputs.join(' or ')}`)
    if (outDir === undefined) this.#checkPrinting(sources)
    for (const source of sources) await this.#compileIfChanged(source)
  }

  #checkPrinting(sources: readonly Source[]): void {
    const { watch, dts } = this.#options
    if (watch) throw new Error('watching needs a folder for the results')
    if (dts) throw new Error('declaration files need a folder for the results')
    if (sources.length > 1)
      throw new Error(`there are ${sources.length} files to compile; name a folder for the results`)
  }

  async watch(): Promise<void> {
    const inputs = this.#options.inputs.filter((input) => input !== '-')
    const paths = inputs.map((input) => resolve(this.#cwd, input))
    await watchFolders(paths, { signal: this.#options.signal, onWake: () => this.#catchUp(paths) })
  }

  /** A file that is being replaced is missing for a moment. */
  async #catchUp(paths: readonly string[]): Promise<void> {
    const sources = this.#sources(paths.filter((path) => existsSync(path)))
    const present = new Set(['-', ...sources.map((source) => source.path)])
    for (const [path, { source }] of this.#compiled) if (!present.has(path)) this.#remove(source)
    for (const source of sources) await this.#compileIfChanged(source)
  }

  #sources(inputs: readonly string[]): readonly Source[] {
    const sources = inputs.flatMap((input) => findSources(input, this.#cwd))
    const taken = new Map<string, string>()
    for (const { path, relative: target } of sources) {
      const other = taken.get(target)
      if (other !== undefined && other !== path)
        throw new Error(`${other} and ${path} would be written to the same file ${target}`)
      taken.set(target, path)
    }
    return sources
  }

  async #compileIfChanged(source: Source): Promise<void> {
    const text = source.path === '-' ? await this.#io.readStdin() : readFileSync(source.path, 'utf8')
    if (this.#compiled.get(source.path)?.text === text) return
    this.#compiled.set(source.path, { source, text })
    await this.#compile(source, text)
  }

  async #compile(source: Source, text: string): Promise<void> {
    this.#failed.delete(source.path)
    try {
      this.#deliver(source, await this.#adapterFor(source).compile(text, this.#compileOptions(source)))
    } catch (error) {
      if (!CompileError.is(error)) throw error
      this.#failed.add(source.path)
      this.#io.report({ type: 'failed', source: source.path, error })
    }
  }

  #deliver(source: Source, result: CompileResult): void {
    if (this.#options.outDir === undefined) return this.#io.out(result.code)
    const outDir = resolve(this.#cwd, this.#options.outDir)
    const wanted = this.#options.dts ? result : withoutDts(result)
    const link = this.#options.runtime
      ? (text: string) => text
      : (text: string, path: string) => linkRuntimeFile(text, path, outDir)
    for (const path of writeOutput(
      resolve(outDir, source.relative),
      resolve(this.#cwd, this.#filename(source)),
      wanted,
      link,
    )) {
      this.#io.report({ type: 'written', source: source.path, path })
    }
    if (this.#options.runtime) return
    for (const runtime of runtimesOf(result)) this.#writeRuntime(runtime, source, outDir)
  }

  #writeRuntime(runtime: RuntimeFile, source: Source, outDir: string): void {
    if (this.#wroteRuntimes.has(runtime)) return
    this.#wroteRuntimes.add(runtime)
    for (const path of writeRuntime(runtime, outDir, this.#options.dts ?? false)) {
      this.#io.report({ type: 'written', source: source.path, path })
    }
  }

  #remove(source: Source): void {
    this.#compiled.delete(source.path)
    this.#failed.delete(source.path)
    const target = resolve(this.#cwd, this.#options.outDir ?? '.', source.relative)
    for (const path of removeOutput(target)) this.#io.report({ type: 'removed', source: source.path, path })
  }

  #adapterFor(source: Source): Adapter {
    return selectAdapter({ name: this.#options.adapter, root: this.#cwd, extension: source.extension })
  }

  #filename(source: Source): string {
    return source.path === '-' ? source.relative : relative(this.#cwd, source.path) || basename(source.path)
  }

  #compileOptions(source: Source): CompileOptions {
    const { maps = false, dts = false, outDir, dialect } = this.#options
    const prints = outDir === undefined
    return {
      filename: this.#filename(source),
      dts,
      sourceMap: maps && (prints ? 'inline' : true),
      runtime: this.#options.runtime ?? (prints ? 'inline' : 'import'),
      ...(dialect ? { dialect } : {}),
    }
  }
}

function withoutDts({ dts: _, ...result }: CompileResult): CompileResult {
  return result
}
