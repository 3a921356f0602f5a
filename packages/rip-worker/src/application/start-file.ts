/** Variables that are set for a program, in the words of a shell. */
const VARIABLES = String.raw`(?:\w+=\S*\s+)*`
const RUNNER = String.raw`(?:node|bun(?:\s+run)?|tsx(?:\s+watch)?|ts-node|nodemon)\s+`
const OPTIONS = String.raw`(?:--?(?:r|require|import|env-file)\s+\S+\s+|-\S+\s+)*`
const COMMAND = new RegExp(`^${VARIABLES}(?:cross-env\\s+${VARIABLES})?${RUNNER}${OPTIONS}(\\S+)$`)

/**
 * The path of the file that a script of `package.json` runs, if it runs one by Node.js or Bun and does nothing else; with
 * arguments for that file it would be another program without them.
 */
export function startFile(script: string): string | undefined {
  return COMMAND.exec(script.trim())?.[1]
}
