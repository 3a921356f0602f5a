import { SELF_WRITE_COUNT, SELF_WRITE_WINDOW_MS } from './bounds.ts'

/** Written by people, however often; what else changes again and again is written by a program. */
const authored =
  /\.(?:rip|[cm]?[jt]sx?|coffee|civet|vue|svelte|astro|html?|css|s[ac]ss|less|svg|md|mdx|sql|graphql|wasm|ya?ml|toml)$|(?:^|\/)(?:\.env[^/]*|package\.json|tsconfig[^/]*\.json|bun\.lockb?|package-lock\.json|yarn\.lock)$/

/** Finds data files that the application itself keeps writing, which would reload it for ever. */
export class SelfWriteGuard {
  readonly #times = new Map<string, readonly number[]>()

  /** The paths among those changed that are to be left out from now on. */
  note(changed: readonly string[], nowMs: number): readonly string[] {
    if (changed.some((path) => authored.test(path))) return []
    for (const path of changed) this.#record(path, nowMs)
    return changed.filter((path) => (this.#times.get(path)?.length ?? 0) >= SELF_WRITE_COUNT)
  }

  #record(path: string, nowMs: number): void {
    const recent = (this.#times.get(path) ?? []).filter((time) => nowMs - time < SELF_WRITE_WINDOW_MS)
    this.#times.set(path, [...recent, nowMs])
  }
}
