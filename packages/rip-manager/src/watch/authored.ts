const AUTHORED =
  /\.(?:rip|[cm]?jsx?|(?<!\.d\.)[cm]?tsx?|coffee|civet|vue|svelte|astro|html?|css|s[ac]ss|less|svg|md|mdx|sql|graphql|wasm|ya?ml|toml|py|rb|php|go|rs|java|exs?|ejs|erb|hbs|pug|njk|liquid|twig)$|(?:^|\/)(?:\.env[^/]*|package\.json|tsconfig[^/]*\.json|bun\.lockb?|package-lock\.json|yarn\.lock)$/

/** Whether people write such a file, however often; what else changes again and again is written by a program. */
export function isAuthored(path: string): boolean {
  return AUTHORED.test(path)
}
